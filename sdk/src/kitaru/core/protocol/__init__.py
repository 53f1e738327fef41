"""The journal protocol without I/O: who may write an execution's log, and what an operator does about it.

Each machine is an immutable value that says which request comes next and is told the outcome. The store's drivers,
the operator and the exhaustive search under `tests/model` all drive these same machines; the rules that they follow
are numbered in `docs/protocol.md`. Nothing here may do I/O, wait, or look at a clock.
"""

"""The world: each module gives a port on one technology, and imports no other's technology.

What stands here decides nothing about executions. Only `kitaru.connect`, `kitaru.local`,
`kitaru.testing` and the `__main__` modules may import it.
"""

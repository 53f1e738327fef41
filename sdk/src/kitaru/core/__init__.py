"""The language all parts speak: what is true, as values, and what follows from it, as pure functions.

Nothing here reads a clock, the environment, a file or the network, and nothing here is random: time, ids and
bytes come in as arguments. What this package may not import is written down in the import contracts.
"""

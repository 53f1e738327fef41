"""Moves executions on: observes, decides purely, applies, writes one status last.

Must not know the engine, nor run a user's code.
"""

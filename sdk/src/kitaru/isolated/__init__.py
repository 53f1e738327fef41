"""The process of an isolated checkpoint: one function, whose Kitaru calls are forwarded to the attempt's process.

It has the attempt's ports at the other end of a channel, and neither a journal nor a store of its own.
"""

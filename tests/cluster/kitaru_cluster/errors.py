"""The one error of the test cluster."""


class ClusterError(Exception):
    """The cluster could not do what was asked; the message says what to do about it."""

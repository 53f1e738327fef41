"""The three kinds of `kitaru.dev/v1alpha1` as the API server stores them, and what may be written into them.

The models are the source of the CRDs: their docstrings are what `kubectl explain` prints, their bounds and rules
are what the API server holds. Reading is lenient, so that an older operator can work beside a newer CRD; writing is
strict, so that a misspelt field is found by a test and not by a user.
"""

"""The process inside a pod: one attempt of one execution, on `kitaru.engine`.

Knows the store and its own environment. Must not know Kubernetes: the pod has no token.
"""

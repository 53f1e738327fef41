"""Moves executions on: observes, decides purely, applies, writes one status last.

It knows the language (`kitaru.core`), the resources, the pods and the store. It must not know the engine, run a
user's code, unpickle anything, or talk to a runner: they meet in the resource, in the journal and in the pod.
"""

"""How one attempt runs: ports in, an outcome out.

Nothing here picks a backend, reads the environment or knows which stack it runs on. What is
decided, is decided in `kitaru.core`; this package runs the user's code, on threads and an event
loop, and keeps the two in step.
"""

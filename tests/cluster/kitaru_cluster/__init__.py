"""A real one-node Kubernetes with a real S3 server and a real registry, for the tests.

Everything runs in network, mount and process namespaces of its own, so nothing listens outside
them but loopback forwarders, and when the first process of the process namespace ends the kernel
ends all the others: no pod, shim, mount or network namespace can be left behind.

This package uses nothing but the standard library; `fixture` alone needs pytest.
"""

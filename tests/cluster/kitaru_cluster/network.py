"""The addresses inside the cluster's network namespace. They mean nothing outside it."""

NODE = "node0"
NODE_IP = "10.200.0.1"
POD_CIDR = "10.244.0.0/16"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
DNS_IP = "10.96.0.10"
API_PORT = 6443
S3_PORT = 9000
REGISTRY_PORT = 5000
DNS_READY_PORT = 8181
REGISTRY = f"{NODE_IP}:{REGISTRY_PORT}"
S3_URL = f"http://{NODE_IP}:{S3_PORT}"

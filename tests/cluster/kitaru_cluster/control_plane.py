"""The control plane's components: how each is started."""

import json
from dataclasses import dataclass, field

from kitaru_cluster import network
from kitaru_cluster.run import Json, Run


@dataclass(frozen=True, slots=True)
class Component:
    """A long-running process of the cluster: its name, program, arguments and environment."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict[str, str])


def etcd(run: Run) -> Component:
    """Return etcd, which need not survive a power cut here, so it does not wait for the disk."""
    client, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
    arguments = (
        f"--data-dir={run.folder}/etcd",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    )
    return Component("etcd", ("etcd", *arguments))


def apiserver(run: Run) -> Component:
    """Return the API server, whose audit log counts every request from the start."""
    policy: Json = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata"}],
    }
    arguments = (
        "--etcd-servers=http://127.0.0.1:2379",
        "--bind-address=0.0.0.0",
        f"--secure-port={network.API_PORT}",
        f"--advertise-address={network.NODE_IP}",
        f"--tls-cert-file={run.certificate('apiserver')}",
        f"--tls-private-key-file={run.key('apiserver')}",
        f"--client-ca-file={run.certificate('ca')}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={run.key('sa')}",
        f"--service-account-signing-key-file={run.key('sa')}",
        f"--service-cluster-ip-range={network.SERVICE_CIDR}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--kubelet-client-certificate={run.certificate('admin')}",
        f"--kubelet-client-key={run.key('admin')}",
        "--kubelet-preferred-address-types=InternalIP",
        "--allow-privileged=true",
        f"--audit-policy-file={run.write('audit-policy.json', policy)}",
        f"--audit-log-path={run.audit_log}",
    )
    return Component("apiserver", ("kube-apiserver", *arguments))


def controller_manager(run: Run) -> Component:
    """Return the controller manager; alone, it needs no leader election."""
    arguments = (
        f"--kubeconfig={run.folder}/etc/controller-manager.kubeconfig",
        f"--service-account-private-key-file={run.key('sa')}",
        f"--root-ca-file={run.certificate('ca')}",
        "--use-service-account-credentials=false",
        "--leader-elect=false",
    )
    return Component("controller-manager", ("kube-controller-manager", *arguments))


def scheduler(run: Run) -> Component:
    """Return the scheduler; alone, it needs no leader election."""
    kubeconfig = f"--kubeconfig={run.folder}/etc/scheduler.kubeconfig"
    return Component("scheduler", ("kube-scheduler", kubeconfig, "--leader-elect=false"))


def proxy(run: Run) -> Component:
    """Return kube-proxy; it ends when it may not set the kernel's connection tracking limits."""
    arguments = (
        f"--kubeconfig={run.folder}/etc/proxy.kubeconfig",
        f"--hostname-override={network.NODE}",
        "--conntrack-max-per-core=0",
        "--conntrack-min=0",
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
    )
    return Component("proxy", ("kube-proxy", *arguments))


def dns_objects() -> str:
    """Return the cluster's DNS service and its endpoint, which is CoreDNS on the node."""
    ports = [(name, protocol) for name, protocol in (("dns", "UDP"), ("dns-tcp", "TCP"))]
    meta = {"name": "kube-dns", "namespace": "kube-system"}
    served = [{"name": name, "protocol": protocol, "port": 53} for name, protocol in ports]
    service: Json = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"clusterIP": network.DNS_IP, "ports": served},
    }
    endpoints: Json = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**meta, "labels": {"kubernetes.io/service-name": "kube-dns"}},
        "addressType": "IPv4",
        "ports": served,
        "endpoints": [{"addresses": [network.NODE_IP], "conditions": {"ready": True}}],
    }
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [service, endpoints]})

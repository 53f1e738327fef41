"""The run's certificate authority, certificates and kubeconfigs."""

import base64
from pathlib import Path

from kitaru_cluster import network, shell
from kitaru_cluster.run import Json, Run

_DAYS = "30"
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_NAMES = (
    "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
    ",DNS:kubernetes.default.svc.cluster.local,DNS:localhost"
    f",DNS:{network.NODE},IP:127.0.0.1,IP:{network.NODE_IP},IP:{network.API_SERVICE_IP}"
)

# Each certificate's name and subject; each but the API server's gets a kubeconfig.
_SUBJECTS = {
    "apiserver": "/CN=kube-apiserver",
    "admin": "/O=system:masters/CN=admin",
    "kubelet": f"/O=system:nodes/CN=system:node:{network.NODE}",
    "controller-manager": "/O=system:masters/CN=controller-manager",
    "scheduler": "/O=system:masters/CN=scheduler",
    "proxy": "/O=system:masters/CN=proxy",
    "dns": "/O=system:masters/CN=dns",
}


def make(run: Run) -> None:
    """Make the authority, a certificate for each component and a kubeconfig for each client."""
    authority = ("-keyout", str(run.key("ca")), "-out", str(run.certificate("ca")))
    subject = ("-subj", "/CN=kitaru-test-ca", "-days", _DAYS)
    shell.run(("openssl", "req", "-x509", *_NEW_KEY, *authority, *subject))
    service_accounts = ("-name", "prime256v1", "-genkey", "-noout", "-out", str(run.key("sa")))
    shell.run(("openssl", "ecparam", *service_accounts))
    extensions = run.folder / "pki" / "extensions"
    extensions.write_text(f"subjectAltName={_NAMES}\n")
    for name, subject_name in _SUBJECTS.items():
        _certificate(run, name, subject_name, extensions)
        if name != "apiserver":
            url = f"https://127.0.0.1:{network.API_PORT}"
            run.write(f"{name}.kubeconfig", kubeconfig(run, name, url))


def kubeconfig(run: Run, name: str, url: str) -> Json:
    """Return a kubeconfig that holds its certificates itself, so that it may be copied away."""
    cluster = {"server": url, "certificate-authority-data": _encoded(run.certificate("ca"))}
    user = {
        "client-certificate-data": _encoded(run.certificate(name)),
        "client-key-data": _encoded(run.key(name)),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kitaru-test", "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": "kitaru-test", "context": {"cluster": "kitaru-test", "user": name}}],
        "current-context": "kitaru-test",
    }


def _certificate(run: Run, name: str, subject: str, extensions: Path) -> None:
    request = str(run.folder / "pki" / f"{name}.csr")
    key = ("-keyout", str(run.key(name)), "-out", request)
    shell.run(("openssl", "req", *_NEW_KEY, *key, "-subj", subject))
    authority = ("-CA", str(run.certificate("ca")), "-CAkey", str(run.key("ca")))
    out = ("-CAcreateserial", "-days", _DAYS, "-out", str(run.certificate(name)))
    signed = ("openssl", "x509", "-req", "-in", request, *authority, *out)
    shell.run((*signed, "-extfile", str(extensions)))


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()

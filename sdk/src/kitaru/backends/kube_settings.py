"""Which namespace of which cluster a stack is, and where its journals lie. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kitaru.backends.s3 import S3Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeSettings:
    """A Kubernetes stack as its client needs it.

    `stack` is the stack's name; `context` a context of the kubeconfig (None: its current one);
    `kubeconfig` its path (None: `KUBECONFIG`, then the user's own); `prefix` the operator's prefix
    in the bucket.
    """

    stack: str
    namespace: str
    s3: S3Settings
    prefix: str = ""
    context: str | None = None
    kubeconfig: Path | None = None

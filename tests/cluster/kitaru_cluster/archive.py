"""An image archive of one static binary, as `ctr images import` takes it."""

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

PAUSE = "docker.io/kitaru/pause:1"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write(path: Path, *, tag: str, binary: Path) -> None:
    """Write to `path` an image named `tag` whose only file and entrypoint is `binary`."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as files:
        info = tarfile.TarInfo(binary.name)
        info.size, info.mode = binary.stat().st_size, 0o755
        with binary.open("rb") as content:
            files.addfile(info, content)
    machine = platform.machine()
    config = {
        "architecture": _ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "config": {"Entrypoint": [f"/{binary.name}"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_sha256(layer.getvalue())}"]},
    }
    described = json.dumps(config).encode()
    name = f"{_sha256(described)}.json"
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as image:
        _add(image, name, described)
        _add(image, "layer.tar", layer.getvalue())
        _add(image, "manifest.json", json.dumps(manifest).encode())


def _add(image: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    image.addfile(info, io.BytesIO(content))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

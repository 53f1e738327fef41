"""Images, built with buildah as a user builds them, and pushed to the cluster's registry.

An image whose inputs have not changed is neither built nor pushed again: built images, the
registry's storage and the record of what was pushed live together in the cache's `images` folder.
"""

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kitaru_cluster import base_image, cache, overlay, pip_settings, prerequisites, shell, web

_BUILD_SECONDS = 900.0
_KEPT = 40
_UNWANTED = shutil.ignore_patterns("__pycache__", ".git", ".venv", "*.egg-info", ".*_cache")
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


@dataclass(frozen=True, slots=True)
class Registry:
    """An image registry without authentication: its address for pushes and in pods' images."""

    push: str
    pull: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an image is built from.

    `paths` are the files and folders of the context that the Dockerfile needs; no others are
    given to it. Unless `args` names another, `BASE_IMAGE` is the tests' own Debian with Python.
    """

    name: str
    dockerfile: Path
    context: Path
    paths: tuple[str, ...] = (".",)
    args: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Image:
    """A pushed image, by a tag of its content and by its digest, as a pod names it."""

    tagged: str
    pinned: str
    digest: str


def storage() -> Path:
    """Return the folder of everything that images take."""
    folder = cache.folder() / "images"
    folder.mkdir(exist_ok=True)
    return folder


def trim() -> None:
    """Begin anew when many images have gathered. No cluster may be running."""
    folder = storage()
    if len(list((folder / "pushed").glob("*"))) > _KEPT:
        for mount in _mounts_below(folder):
            shell.run(["umount", "--lazy", mount])
        shutil.rmtree(folder)


def _mounts_below(folder: Path) -> list[str]:
    """Return what is mounted in a folder, the innermost first: buildah leaves its storage mounted on itself."""
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    return sorted((point for point in points if point.startswith(f"{folder}/")), reverse=True)


def build(recipe: Recipe, registry: Registry) -> Image:
    """Build an image, push it to the registry and return how pods name it.

    Raises ClusterError with the end of what buildah printed.
    """
    with tempfile.TemporaryDirectory(prefix="kitaru-image-") as folder:
        context = Path(folder) / "context"
        stage(recipe, context)
        tag = key(recipe, context, base=str(base_image.archive()))
        with cache.locked("images"):
            digest = _recorded(recipe.name, tag, registry)
            if digest is None:
                print(f"building the image {recipe.name} ...", flush=True)
                _build(recipe, context, tag)
                digest = _push(recipe.name, tag, registry)
    repository = f"{registry.pull}/{recipe.name}"
    return Image(f"{repository}:{tag}", f"{repository}@{digest}", digest)


def stage(recipe: Recipe, context: Path) -> None:
    """Copy what the recipe names, caches and environments aside, into a new folder."""
    context.mkdir()
    for path in (*recipe.paths, *_ignore_file(recipe)):
        source, target = recipe.context / path, context / path
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, ignore=_UNWANTED, dirs_exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _ignore_file(recipe: Recipe) -> tuple[str, ...]:
    """Name the file by which a user's build leaves files out, where there is one."""
    return tuple(name for name in (".dockerignore",) if (recipe.context / name).exists())


def key(recipe: Recipe, context: Path, base: str) -> str:
    """Return a hash of all that decides the image: Dockerfile, context, arguments, base."""
    files = sorted(path for path in context.rglob("*") if path.is_file() or path.is_symlink())
    parts: list[str | bytes] = [base, recipe.dockerfile.read_bytes()]
    for path in files:
        name = str(path.relative_to(context))
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes()
        parts += [name, oct(path.lstat().st_mode), content]
    return cache.digest(json.dumps(dict(recipe.args), sort_keys=True), *parts)


def _record(name: str, tag: str) -> Path:
    return storage() / "pushed" / f"{name.replace('/', '-')}-{tag}"


def _recorded(name: str, tag: str, registry: Registry) -> str | None:
    """Return the digest of an image that was pushed before and that the registry still has."""
    record = _record(name, tag)
    if not record.exists():
        return None
    digest = record.read_text()
    url = f"http://{registry.push}/v2/{name}/manifests/{digest}"
    status, _ = web.request("HEAD", url, headers={"Accept": ", ".join(_MANIFESTS)})
    return digest if status == 200 else None


def _build(recipe: Recipe, context: Path, tag: str) -> None:
    settings = context.parent / "settings"
    settings.mkdir()
    args = {**recipe.args}
    if "BASE_IMAGE" not in args:
        args["BASE_IMAGE"] = _base()
    given = (word for name, value in args.items() for word in ("--build-arg", f"{name}={value}"))
    named = ("-t", f"localhost/{recipe.name}:{tag}", "-f", str(recipe.dockerfile))
    volumes = pip_settings.volumes(settings)
    _buildah(("bud", "--layers", "--network=host", *volumes, *given, *named, str(context)))


def _base() -> str:
    """Return the name of the base image in buildah's storage, imported when it is not there."""
    archive = base_image.archive()
    name = f"localhost/kitaru-base:{archive.parent.name}"
    known = _buildah(("images", "--format", "{{.Name}}:{{.Tag}}"))
    if name not in known.split():
        with tempfile.TemporaryDirectory(prefix="kitaru-base-") as folder:
            dockerfile = Path(folder) / "Dockerfile"
            dockerfile.write_text('FROM scratch\nADD base.tar /\nCMD ["python3"]\n')
            _buildah(("bud", "-t", name, "-f", str(dockerfile), str(archive.parent)))
    return name


def _push(name: str, tag: str, registry: Registry) -> str:
    with tempfile.TemporaryDirectory(prefix="kitaru-push-") as folder:
        written = Path(folder) / "digest"
        options = ("--tls-verify=false", "--format=oci", f"--digestfile={written}")
        target = f"docker://{registry.push}/{name}:{tag}"
        _buildah(("push", *options, f"localhost/{name}:{tag}", target))
        digest = written.read_text().strip()
    record = _record(name, tag)
    record.parent.mkdir(exist_ok=True)
    draft = record.with_suffix(".draft")
    draft.write_text(digest)
    draft.rename(record)
    return digest


def _buildah(arguments: Iterable[str]) -> str:
    prerequisites.check_root()
    prerequisites.install_image_packages()
    folder = storage() / "buildah"
    places = ("--root", str(folder / "root"), "--runroot", str(folder / "run"))
    env = {
        "STORAGE_DRIVER": "overlay" if overlay.usable(storage()) else "vfs",
        "BUILDAH_ISOLATION": "chroot",
    }
    argv = (*shell.CONTAINED, prerequisites.program("buildah"), *places, *arguments)
    return shell.run(argv, shell.Options(timeout=_BUILD_SECONDS, env=env))

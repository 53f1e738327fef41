"""Print what uv.lock pins for one of our distributions, as requirements with hashes that any pip installs.

Usage: pins.py uv.lock kitaru-runner

Our own distributions are left out: they are installed from their wheels. Standard library only, as it runs in the
build of images.
"""

import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

Package = dict[str, Any]  # as uv.lock has it

NO_MARKER: Final = ""


def main(lock: str, root: str) -> None:
    """Print the pins of everything that `root` needs, one requirement a line."""
    packages = {package["name"]: package for package in tomllib.loads(Path(lock).read_text())["package"]}
    for name, markers in sorted(needed(packages, root).items()):
        if "registry" in packages[name]["source"]:
            print(requirement(packages[name], markers))


def needed(packages: dict[str, Package], root: str) -> dict[str, set[str]]:
    """Return the names that `root` leads to, each with the markers of the edges to it."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    seen: set[tuple[str, tuple[str, ...]]] = set()
    waiting: list[tuple[str, tuple[str, ...]]] = [(root, ())]
    while waiting:
        name, extras = node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        for edge in edges(packages[name], extras):
            found[edge["name"]].add(edge.get("marker", NO_MARKER))
            waiting.append((edge["name"], tuple(edge.get("extra", ()))))
    return found


def edges(package: Package, extras: tuple[str, ...]) -> Iterator[Package]:
    """Yield what a package needs, with these of its extras."""
    yield from package.get("dependencies", ())
    for extra in extras:
        yield from package.get("optional-dependencies", {}).get(extra, ())


def requirement(package: Package, markers: set[str]) -> str:
    """Return a package's pin: its version, where it is needed, and the hashes of its files."""
    files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
    hashes = "".join(f" --hash={file['hash']}" for file in files)
    where = "" if NO_MARKER in markers else f" ; {' or '.join(f'({one})' for one in sorted(markers))}"
    return f"{package['name']}=={package['version']}{where}{hashes}"


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Where things stand: packages, versions, the public names, and nothing of one machine."""

import inspect
import re
import tomllib
from typing import Final

import kitaru
from tests.repo import tree

DISTRIBUTIONS: Final = ("sdk", "runner", "operator")
# Home and work folders of some machine, where nothing of a stranger's machine can lie.
MACHINE_PATH: Final = re.compile(r"(?<![\w.~}-])/(?:work|root|farm|home/\w+|opt/wheels)/")
INDEX: Final = "https://pypi.org/simple"
FILES: Final = "https://files.pythonhosted.org/"


def _projects() -> dict[str, dict[str, object]]:
    texts = {name: (tree.ROOT / name / "pyproject.toml").read_text() for name in DISTRIBUTIONS}
    return {name: tomllib.loads(text)["project"] for name, text in texts.items()}


def test_operator_folder_is_no_package() -> None:
    """`operator/` has no __init__.py, which would shadow the standard library's operator."""
    assert not (tree.ROOT / "operator" / "__init__.py").exists()


def test_folders_of_tests_are_no_packages() -> None:
    """No folder with tests has an __init__.py, which would break importing tests by path."""
    packages = [path.parent for path in tree.files("tests") if path.name == "__init__.py"]
    holding = [path for path in packages if any(path.rglob("test_*.py"))]
    assert holding == []


def test_every_distribution_is_typed() -> None:
    """Each distribution's package ships py.typed."""
    missing = [
        package.name
        for source in tree.SOURCES
        for package in (tree.ROOT / source).glob("kitaru*")
        if not (package / "py.typed").exists()
    ]
    assert missing == []


def test_the_three_distributions_have_one_version() -> None:
    """Runner and operator have the library's version, and ask for exactly it."""
    projects = _projects()
    version = str(projects["sdk"]["version"])
    assert {str(project["version"]) for project in projects.values()} == {version}
    for name in ("runner", "operator"):
        assert re.search(rf"'kitaru(\[\w+\])?=={version}'", str(projects[name]["dependencies"]))


def test_the_lock_names_no_mirror() -> None:
    """uv.lock takes packages from the public index, whatever the machine that wrote it used."""
    lock = (tree.ROOT / "uv.lock").read_text(encoding="utf-8")
    registries = set(re.findall(r'registry = "([^"]+)"', lock))
    urls = set(re.findall(r'url = "([^"]+)"', lock))
    assert registries == {INDEX}
    assert {url for url in urls if not url.startswith(FILES)} == set()


def test_no_file_names_a_path_of_one_machine() -> None:
    """No tracked file holds an absolute path into somebody's home or work folder."""
    found = [
        f"{tree.name(path)}: {match.group()}"
        for path in tree.files()
        for match in MACHINE_PATH.finditer(path.read_text(encoding="utf-8", errors="ignore"))
    ]
    assert found == []


#: The one module that is a public name: `kitaru.events.publish(...)`.
MODULES: Final = {"events"}


def test_public_names_are_listed() -> None:
    """`kitaru.__all__` lists every name that the package defines for others, and no other module."""
    listed = set(getattr(kitaru, "__all__", ())) - MODULES
    public = {name for name, value in vars(kitaru).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert listed == public

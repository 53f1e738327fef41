"""What of a project becomes a bundle, and that a bundle comes back as it was."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from kitaru.backends.sqlite import SqliteStore
from kitaru.core import paths
from kitaru.errors import KitaruBackendError, KitaruUsageError
from kitaru.local import bundles, projects
from kitaru.local.projects import Commit, Project

FLOW: Final = "agents/research.py"
LATER: Final = 4_000_000_000.0
IDENTITY: Final = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give the folder of a project with a flow."""
    folder = tmp_path.resolve() / "project"
    _write(folder, **{FLOW: "flow", "pyproject.toml": "", "agents/__init__.py": "", "data/prompt.txt": "be kind"})
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Give an empty store."""
    with SqliteStore(tmp_path / "store") as made:
        yield made


def _write(root: Path, **files: str) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def _find(root: Path, file: str = FLOW, module: str = "agents.research") -> Project:
    return projects.find(root / file, module, root / "store")


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *IDENTITY, *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _committed(root: Path) -> str:
    _git(root, "init", "-q")
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", "first")
    return _git(root, "rev-parse", "HEAD")


def test_without_git_the_source_is_what_is_no_cache_and_no_secret(root: Path) -> None:
    """Hidden files, caches, environments, secrets and the store are left out."""
    left_out = (".env", ".git_hidden/x", "agents/__pycache__/a.pyc", "venv/pyvenv.cfg", "venv/lib/a.py")
    _write(root, **dict.fromkeys((*left_out, "node_modules/a.js", "tls.key", "store/objects.sqlite3"), "x"))
    found = _find(root)
    assert found.files == ("agents/__init__.py", FLOW, "data/prompt.txt", "pyproject.toml")
    assert found.root == root
    assert projects.commit(root / FLOW) == Commit(id=None, dirty=None)


def test_in_a_work_tree_the_source_is_what_git_does_not_ignore(root: Path) -> None:
    """Tracked and new files count, ignored ones do not, and a secret only when git tracks it."""
    _write(root, **{".gitignore": "ignored/\n", ".env.example": "x", "tls.pem": "x"})
    first = _committed(root)
    assert projects.commit(root / FLOW) == Commit(first, dirty=False)
    _write(root, **{"new.py": "x", "ignored/a.bin": "x", ".env": "x"})
    (root / "data" / "prompt.txt").unlink()
    found = _find(root)
    own = (".env.example", ".gitignore", "agents/__init__.py", FLOW, "new.py", "pyproject.toml", "tls.pem")
    assert found.files == own
    assert projects.commit(root / FLOW) == Commit(first, dirty=True)


def test_the_nearest_project_counts(root: Path) -> None:
    """A pyproject.toml below the top of the work tree bounds the source, and what is dirty."""
    _write(root, **{"member/pyproject.toml": "", "member/flow.py": ""})
    first = _committed(root)
    _write(root, **{"elsewhere.py": "new"})
    assert _find(root, "member/flow.py", "flow") == Project(root=root / "member", files=("flow.py", "pyproject.toml"))
    assert projects.commit(root / "member" / "flow.py") == Commit(first, dirty=False)


def test_a_flow_that_git_ignores_is_not_deployed(root: Path) -> None:
    """The message names the file, and what to do."""
    _write(root, **{".gitignore": "agents/\n"})
    _git(root, "init", "-q")
    with pytest.raises(KitaruUsageError, match=r"research\.py is left out.*have git track it"):
        _find(root)


def test_without_a_project_it_is_the_package(tmp_path: Path) -> None:
    """A module that has no project brings its top package along."""
    root = tmp_path.resolve() / "site-packages"
    _write(root, **{"pack/__init__.py": "", "pack/sub/__init__.py": "", "pack/sub/flow.py": "", "other.py": ""})
    everything = ("pack/__init__.py", "pack/sub/__init__.py", "pack/sub/flow.py")
    assert _find(root, "pack/sub/flow.py", "pack.sub.flow").files == everything
    assert _find(root, "pack/__init__.py", "pack") == Project(root=root, files=everything)


def test_without_a_project_it_is_the_script_alone(tmp_path: Path) -> None:
    """What lies beside a script without a project is not its source, unless it is loaded."""
    root = tmp_path.resolve() / "site-packages"
    _write(root, **{"script.py": "", "other.py": ""})
    assert _find(root, "script.py", "__main__").files == ("script.py",)


@pytest.mark.parametrize(
    ("file", "module", "first"),
    [
        pytest.param("src/agents/research.py", "agents.research", "src", id="src-layout"),
        pytest.param("agents/__init__.py", "agents", ".", id="package"),
        pytest.param("scripts/run.py", "__main__", "scripts", id="script"),
    ],
)
def test_modules_are_found_as_they_were(root: Path, file: str, module: str, first: str) -> None:
    """The folder from which the flow's module was imported comes first; folders outside the project do not count."""
    _write(root, **{file: ""})
    found = _find(root, file, module).import_paths(root / file, module)
    assert found[0] == first
    assert all((root / path).is_dir() for path in found)
    assert not any(path.startswith(("/", "..")) for path in found)


def test_the_same_source_is_the_same_bundle(root: Path, store: SqliteStore) -> None:
    """Times do not count; content, names and the executable bit do."""
    first = bundles.pack(_find(root))
    os.utime(root / FLOW, (LATER, LATER))
    again = bundles.pack(_find(root))
    assert (again.sha256, again.changed) == (first.sha256, LATER)
    (root / FLOW).chmod(0o755)
    assert bundles.pack(_find(root)).sha256 != first.sha256
    bundles.keep(store, first)
    bundles.keep(store, again)
    assert [info.size for info in store.list(paths.blob("", "local", ""))] == [len(first.body)]


def test_a_bundle_is_unpacked_once_as_it_was(root: Path, store: SqliteStore) -> None:
    """Content, executable bits and links come back, read-only, and the folder is reused."""
    (root / FLOW).chmod(0o755)
    (root / "linked.txt").symlink_to(root / "data" / "prompt.txt")
    (root / "lost").symlink_to("nowhere")
    packed = bundles.pack(_find(root))
    bundles.keep(store, packed)
    folder = bundles.unpack(store, packed.sha256)
    assert folder == bundles.place(store, packed.sha256)
    assert (folder / FLOW).stat().st_mode & 0o777 == 0o555
    assert (folder / "linked.txt").readlink() == Path("data/prompt.txt")
    assert (folder / "linked.txt").read_text(encoding="utf-8") == "be kind"
    before = folder.stat().st_ino
    assert bundles.unpack(store, packed.sha256).stat().st_ino == before
    assert [one.name for one in folder.parent.iterdir()] == [packed.sha256]


def test_a_link_that_leads_outside_is_refused(root: Path) -> None:
    """The message names the link and where it leads."""
    (root / "data" / "secret").symlink_to(sys.executable)
    with pytest.raises(KitaruUsageError, match=r"data/secret is a link that leads out of the project"):
        bundles.pack(_find(root))


def test_a_large_project_is_refused_by_its_largest_files(root: Path) -> None:
    """The limit, the size and the largest files are named."""
    _write(root, **{"data/large.bin": "x" * 2_000_000})
    with pytest.raises(KitaruUsageError, match=r"1\.9 MiB.*at most 1\.0 MiB.*data/large\.bin"):
        bundles.pack(_find(root), limit=1024 * 1024)


def test_a_file_that_is_gone_is_named(root: Path) -> None:
    """One that was removed while the project was looked at is an error of the deploy, and names the file."""
    with pytest.raises(KitaruUsageError, match=r"cannot be read: .*gone\.py"):
        bundles.pack(Project(root=root, files=("gone.py",)))


def test_a_lost_or_damaged_bundle_is_a_backend_error(store: SqliteStore) -> None:
    """It is never half unpacked, and the message says what to do."""
    store.put(paths.blob("", "local", "0" * 64), b"other")
    for sha256 in ("0" * 64, "1" * 64):
        with pytest.raises(KitaruBackendError, match="gone or damaged"):
            bundles.unpack(store, sha256)
        assert not bundles.place(store, sha256).exists()

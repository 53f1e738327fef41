"""Versions stay what they were, whatever becomes of the source and of the process that deployed them."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from kitaru.client import ExecutionStatus, KitaruClient
from tests.integration.local.programs import Place, until

IDENTITY: Final = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
MODULE: Final = """
from pathlib import Path
import kitaru
from agents.words import WORD

@kitaru.checkpoint
def said(topic):
    prompt = (Path(__file__).parent / "prompt.txt").read_text()
    return f"{WORD} {prompt} {topic}"

@kitaru.flow
def research(topic: str, loud: bool = False) -> str:
    text = said(topic)
    return text.upper() if loud else text
"""
SCRIPT: Final = """
import sys
import kitaru

@kitaru.checkpoint
def said(topic):
    return f"VERSION of {topic}"

@kitaru.flow
def report(topic: str) -> str:
    question = kitaru.wait(schema=bool, name="go", timeout=0) if topic == "doubt" else True
    return said(topic) if question else "no"

made = report.deploy(topic="tea")
print(made.version, made.commit_sha, made.commit_dirty)
print(report.invoke(version=made.version).wait())
"""
DEPLOY: Final = """
from agents.research import research
made = research.deploy(topic="tea")
print(made.version, made.commit_sha, made.commit_dirty)
"""
INVOKE: Final = """
import sys, kitaru
from agents.research import research
version = int(sys.argv[1])
print(research.invoke(version=version, topic=sys.argv[2]).wait())
"""


def _write(folder: Path, word: str) -> None:
    (folder / "agents").mkdir(parents=True, exist_ok=True)
    (folder / "agents" / "__init__.py").touch()
    (folder / "agents" / "research.py").write_text(MODULE, encoding="utf-8")
    (folder / "agents" / "words.py").write_text(f"WORD = {word!r}\n", encoding="utf-8")
    (folder / "agents" / "prompt.txt").write_text(f"{word}ly", encoding="utf-8")


def _script(place: Place, name: str, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, name, *arguments],
        cwd=place.folder,
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.parametrize("project", ["pyproject", "package-alone"])
def test_an_older_version_runs_its_own_code(place: Place, client: KitaruClient, project: str) -> None:
    """After an edit and a second deploy, version 1 runs as it was: its modules and its data files (F5, F6, F15)."""
    if project == "pyproject":
        (place.folder / "pyproject.toml").touch()
    _write(place.folder, "old")
    assert place.run(DEPLOY) == "1 None None"
    _write(place.folder, "new")
    assert place.run(DEPLOY) == "2 None None"
    assert place.run(INVOKE, "1", "milk") == "old oldly milk"
    assert place.run(INVOKE, "2", "milk") == "new newly milk"
    shutil.rmtree(place.folder / "agents")
    loud = client.deployments.invoke(flow="research", inputs={"loud": True})
    assert loud.wait() == "OLD OLDLY TEA"
    assert client.executions.get(loud.exec_id).source_changes == []


def test_a_version_tells_its_commit(place: Place) -> None:
    """A clean work tree gives its commit; with an edited file it is dirty, and the edit is in the version."""
    _write(place.folder, "old")
    (place.folder / ".gitignore").write_text("config/\n__pycache__/\n", encoding="utf-8")
    _git(place.folder, "init", "-q")
    _git(place.folder, "add", "-A")
    _git(place.folder, "commit", "-q", "-m", "first")
    commit = _git(place.folder, "rev-parse", "HEAD")
    assert place.run(DEPLOY) == f"1 {commit} False"
    _write(place.folder, "edited")
    assert place.run(DEPLOY) == f"2 {commit} True"
    _git(place.folder, "checkout", "-q", "--", ".")
    assert place.run(INVOKE, "2", "milk") == "edited editedly milk"


def test_a_script_deploys_itself(place: Place, client: KitaruClient) -> None:
    """A script is a version by itself, and a worker that loads it does not run its main part (F16, Python)."""
    script = place.folder / "script.py"
    script.write_text(SCRIPT.replace("VERSION", "first"), encoding="utf-8")
    assert _script(place, "script.py") == ["1 None None", "first of tea"]
    script.write_text(SCRIPT.replace("VERSION", "second"), encoding="utf-8")
    assert _script(place, "script.py") == ["2 None None", "second of tea"]
    script.unlink()
    handle = client.deployments.invoke(flow="report", inputs={"topic": "milk"})
    assert handle.wait() == "first of milk"
    assert client.executions.get(handle.exec_id).source_changes == []
    assert [one.version for one in client.deployments.list(flow="report")] == [2, 1]


def test_an_invoked_execution_goes_on_from_its_bundle(place: Place, client: KitaruClient) -> None:
    """One that waited is answered after its source was changed, from a process without it, and runs its own code."""
    script = place.folder / "script.py"
    script.write_text(SCRIPT.replace("VERSION", "first"), encoding="utf-8")
    _script(place, "script.py")
    handle = client.deployments.invoke(flow="report", inputs={"topic": "doubt"})
    until(lambda: handle.status is ExecutionStatus.WAITING, "the question")
    script.write_text("nonsense(", encoding="utf-8")
    client.executions.input(handle.exec_id, wait="go", value=True)
    assert handle.wait() == "first of doubt"


def test_processes_that_deploy_at_once_get_numbers_of_their_own(place: Place, client: KitaruClient) -> None:
    """Four processes make versions 1 to 4, one of which is the default."""
    _write(place.folder, "old")
    processes = [place.start(DEPLOY) for _ in range(4)]
    printed = [process.communicate(timeout=60)[0].split() for process in processes]
    assert sorted(words[0] for words in printed if words) == ["1", "2", "3", "4"]
    found = client.deployments.list()
    assert [one.version for one in found] == [4, 3, 2, 1]
    assert [one.version for one in found if "default" in one.tags] == [1]
    assert len({one.bundle for one in found}) == 1

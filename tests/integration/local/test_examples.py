"""Each example, run as a person runs it, prints what it says."""

import os
import pty
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Final

import pytest

from kitaru.client import ExecutionStatus, KitaruClient
from tests.integration.local.programs import PATIENCE, Place, until

ROOT: Final = Path(__file__).resolve().parents[3]
#: A docstring says "Prints `one line`", or "Prints", an empty line, and the lines.
SAYS: Final = re.compile(r"^Prints(?: `(?P<line>.*?)`|\n\n(?P<lines>(?:    .*\n)+))", re.MULTILINE)
WAIT_AND_RESUME: Final = "examples/execution_management/wait_and_resume.py"
#: Those that talk to a person, or need more than one process: they have tests of their own.
OTHERS: Final = {WAIT_AND_RESUME, "examples/research_agent/start.py", "examples/research_agent/go_on.py"}
SCRIPTS: Final = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "examples").glob("*/*.py"))
NAMED: Final = {
    "examples/artifacts/artifacts.py",
    "examples/async_flows/async_flows.py",
    "examples/caching/caching.py",
    "examples/concurrency/concurrency.py",
    "examples/configuration/configuration.py",
    "examples/deployments/deployments.py",
    "examples/events/live_events.py",
    "examples/execution_management/client_execution_management.py",
    "examples/first_flow/first_flow.py",
    "examples/logging/log_metadata.py",
    "examples/replay/replay_with_overrides.py",
    "examples/testing/testing_a_flow.py",
}


def _said(script: str) -> str:
    found = SAYS.search((ROOT / script).read_text(encoding="utf-8"))
    assert found is not None, f"{script} does not say what it prints"
    return found["line"] or textwrap.dedent(found["lines"]).strip()


def _run(place: Place, script: str) -> str:
    done = subprocess.run(
        [sys.executable, script],
        cwd=ROOT,
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_all_examples_are_run() -> None:
    """Those that the documents and the issue tracker name are there, and none is left out of the tests."""
    assert set(SCRIPTS) == NAMED | OTHERS


def test_the_list_of_examples_is_complete() -> None:
    """examples/README.md names each of them."""
    listed = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert [script for script in NAMED | {WAIT_AND_RESUME} if script.removeprefix("examples/") not in listed] == []


@pytest.mark.parametrize("script", sorted(NAMED), ids=lambda script: Path(script).stem)
def test_an_example_prints_what_it_says(place: Place, script: str) -> None:
    """From the repository's root, on a stack of the user's own; and again on the same stack."""
    assert _run(place, script) == _said(script)
    assert _run(place, script) == _said(script)


def _answered(place: Place, line: str) -> None:
    subprocess.run(
        shlex.split(line), cwd=place.folder, env=place.environment(), check=True, capture_output=True, timeout=PATIENCE
    )


def _start_piped(place: Place) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, WAIT_AND_RESUME],
        cwd=ROOT,
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


def test_wait_and_resume_says_how_to_answer_from_elsewhere(place: Place, client: KitaruClient) -> None:
    """Not on a terminal, it prints commands that work in a second one, and goes on by itself (W2, W7, W10)."""
    with _start_piped(place) as process:
        first, _, answer, resume = _lines(process, 4)
        exec_id = first.removeprefix("execution ")
        until(lambda: client.executions.get(exec_id).pending_wait, "the question")
        _answered(place, answer)
        printed, errors = process.communicate(timeout=PATIENCE)
    assert printed.strip() == "PUBLISHED: durable agents", errors
    # Harmless when it happened by itself.
    _answered(place, resume)


def test_wait_and_resume_goes_on_without_its_process(place: Place, client: KitaruClient) -> None:
    """After a kill the same commands answer, and a worker goes on with the flow of the script (W7, W10)."""
    with _start_piped(place) as process:
        first, _, answer, resume = _lines(process, 4)
        exec_id = first.removeprefix("execution ")
        until(lambda: client.executions.get(exec_id).pending_wait, "the question")
        process.kill()
    assert client.executions.get(exec_id).status is ExecutionStatus.WAITING
    _answered(place, answer)
    _answered(place, resume)
    handle = client.executions.handle(exec_id)
    until(lambda: handle.status.is_finished, "the worker to go on")
    assert handle.get() == "PUBLISHED: durable agents"


@pytest.mark.parametrize(
    ("typed", "end"), [pytest.param(b"y\n", "PUBLISHED", id="yes"), pytest.param(b"n\n", "REJECTED", id="no")]
)
def test_wait_and_resume_asks_on_a_terminal(place: Place, typed: bytes, end: str) -> None:
    """On a terminal the question stands in place, and the same process goes on with what is typed (W1)."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, WAIT_AND_RESUME], cwd=ROOT, env=place.environment(), stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    shown = ""
    while "[y/n]" not in shown:
        shown += os.read(master, 65536).decode()
    assert "Approve publishing durable agents?" in shown
    assert "executions.input" not in shown
    os.write(master, typed)
    while f"{end}: durable agents" not in shown:
        shown += os.read(master, 65536).decode()
    assert process.wait(PATIENCE) == 0
    os.close(master)

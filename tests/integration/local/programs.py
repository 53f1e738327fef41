"""Programs of a user's own, run as processes, over one local stack."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

#: Seconds after which a test gives up on a process, or on a condition.
PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a user's flows, the files that their checkpoints leave, and a local stack.

    `flows.py` of the folder is the user's module; programs run in the folder and import it.
    """

    folder: Path

    @property
    def config(self) -> Path:
        """Where the local stack lies."""
        return self.folder / "config"

    def environment(self) -> dict[str, str]:
        """Return the environment of the programs."""
        own = {"KITARU_CONFIG_PATH": str(self.config), "PYTHONUNBUFFERED": "1"}
        return {**os.environ, **own}

    def has(self, flows: str) -> None:
        """Write the user's module."""
        (self.folder / "flows.py").write_text(flows, encoding="utf-8")

    def start(self, program: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a program; its output comes to the test."""
        return self._start("-c", program, *arguments)

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, program: str, *arguments: str) -> str:
        """Run a program to its end and return what it printed."""
        return _printed(self.start(program, *arguments))

    def script(self, *parts: str) -> str:
        """Write a script of these parts, run it to its end, and return what it printed."""
        path = self.folder / "script.py"
        path.write_text("".join(parts), encoding="utf-8")
        return _printed(self._start(path.name))

    def effects(self, name: str) -> int:
        """Return how often a body left this effect: `leave(name)` of the user's module."""
        return len(list(self.folder.glob(f"effect-{name}-*")))

    def allow(self, name: str) -> None:
        """Let bodies pass that stand at `hold(name)`."""
        (self.folder / f"allowed-{name}").touch()


#: The beginning of a user's module: effects that can be counted, and places to stand at.
HELPERS: Final = """
import asyncio, os, time, uuid
from pathlib import Path
import kitaru

def leave(name):
    Path(f"effect-{name}-{uuid.uuid4()}").touch()

def hold(name):
    end = time.monotonic() + 30
    while not Path(f"allowed-{name}").exists():
        assert time.monotonic() < end, f"held at {name} for 30 s"
        time.sleep(0.01)
"""


def _printed(process: subprocess.Popen[str]) -> str:
    with process:
        printed, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    return printed.strip()


def until(condition: Callable[[], T], what: str) -> T:
    """Return the condition's value once it is true; fail after a while, saying what was awaited."""
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {PATIENCE:.0f} s for {what}"
        time.sleep(0.02)
    return value

"""`make demo`: the facts that it shows are facts."""

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.integration.local.programs import PATIENCE

ROOT: Final = Path(__file__).resolve().parents[3]
COMMAND: Final = [sys.executable, "scripts/demo.py"]
TIMELINE: Final = (
    r"research +1 .*ran once, reused by attempt 2",
    r"write_draft +2 .*ran",
    r"publish +2 .*ran",
)


def _facts(printed: str) -> None:
    """Check what every demo shows: a kill in the second checkpoint, and the first one not repeated."""
    assert re.search(r"kill -9 \d+: the process died in the middle of write_draft", printed)
    assert printed.count("research: looking into durable agents") == 1
    assert printed.count("write_draft: section 1 of 3") == 2
    assert printed.count("write_draft: section 3 of 3") == 1
    assert "PUBLISHED: # Durable agents" in printed
    for line in TIMELINE:
        assert re.search(line, printed), line


def test_without_a_terminal_the_demo_answers_and_says_so() -> None:
    """It runs by itself, prints no colours, and leaves nothing of its own behind."""
    demo = subprocess.run(COMMAND, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    _facts(demo.stdout)
    assert "No terminal here: the demo answers 'approve'" in demo.stdout
    assert "\033" not in demo.stdout
    assert len(demo.stdout.splitlines()) <= 22


def test_on_a_terminal_a_person_answers() -> None:
    """The question stands on the terminal, and what is typed there is the answer."""
    master, slave = pty.openpty()
    with subprocess.Popen(COMMAND, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave) as demo:
        os.close(slave)
        text = ""
        while "Publish the draft about durable agents?" not in text:
            text += _read(master)
        os.write(master, b"y\n")
        while "publish  " not in text:
            text += _read(master)
        assert demo.wait(PATIENCE) == 0
    os.close(master)
    _facts(text)
    assert "No terminal here" not in text


def _read(master: int) -> str:
    ready, _, _ = select.select([master], [], [], PATIENCE)
    assert ready, f"waited {PATIENCE:.0f} s for the demo to say something"
    return os.read(master, 65536).decode()

"""The research agent on the local stack: killed in the middle of its work, and gone on with.

Nothing is staged: start.py and go_on.py of examples/research_agent run as processes of their own,
the kill is a SIGKILL, and the timeline at the end is read from the journal.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from kitaru.client import CheckpointCall, Execution, ExecutionStatus, KitaruClient

EXAMPLE: Final = Path(__file__).resolve().parents[1] / "examples" / "research_agent"
TOPIC: Final = "durable agents"
ANSWER: Final = {"approved": True, "note": "answered by the demo"}
#: Seconds for which a process of the demo may say nothing.
PATIENCE: Final = 60.0

COLOURED: Final = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
INTERACTIVE: Final = sys.stdin.isatty() and sys.stdout.isatty()


def main() -> int:
    """Show it, and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="kitaru-demo-") as folder:
        os.environ["KITARU_CONFIG_PATH"] = folder
        os.environ["KITARU_STACK"] = "local"
        exec_id = run_and_kill()
        died = KitaruClient().executions.get(exec_id)
        say(f"status: {died.status}, because: {died.failure.message if died.failure else '?'}")
        say("A new process goes on with the same execution")
        go_on(exec_id)
        execution = KitaruClient().executions.get(exec_id)
        say(f"Timeline of {exec_id[:8]}, from its journal ({execution.status})")
        for line in timeline(execution):
            print(f"  {line}")
    return 0 if execution.status is ExecutionStatus.COMPLETED else 1


def run_and_kill() -> str:
    """Run the agent until its second checkpoint is half done, kill it, and return its id."""
    say(f"python start.py {TOPIC!r}")
    process = start("start.py", TOPIC)
    exec_id = ""
    for line in lines(process):
        exec_id = line.removeprefix("execution ") if line.startswith("execution ") else exec_id
        if line.startswith("write_draft: section 2"):
            break
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    say(f"kill -9 {process.pid}: the process died in the middle of write_draft", colour="31")
    return exec_id


def go_on(exec_id: str) -> None:
    """Go on in a new process; the question is asked there, or answered by the demo."""
    command = [sys.executable, "go_on.py", exec_id]
    if INTERACTIVE:
        subprocess.run(command, cwd=EXAMPLE, check=True)
        return
    process = start("go_on.py", exec_id)
    seen = lines(process)
    for line in seen:
        if line.startswith("write_draft: section 3"):
            break
    wait = await_question(exec_id)
    say(f"No terminal here: the demo answers {wait!r} with {ANSWER}", colour="33")
    KitaruClient().executions.input(exec_id, wait=wait, value=ANSWER)
    for _ in seen:
        pass
    if process.wait(PATIENCE):
        raise SystemExit(process.returncode)


def await_question(exec_id: str) -> str:
    """Return the id of the wait once the execution asks."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        wait = KitaruClient().executions.get(exec_id).pending_wait
        if wait is not None:
            return wait.wait_id
        time.sleep(0.1)
    message = f"The execution asked nothing within {PATIENCE:.0f} s."
    raise SystemExit(message)


def timeline(execution: Execution) -> Iterator[str]:
    """Yield a line for each call: which attempt ran it, when, for how long."""
    yield paint("2", f"{'call':<14}{'attempt':<9}{'began':<10}{'took':<9}")
    for call in execution.checkpoints:
        attempt = call.attempts[-1].epoch
        began = seconds(execution.created_at, call.started_at)
        took = seconds(call.started_at, call.ended_at)
        yield f"{call.call_id:<14}{attempt:<9}{began:<10}{took:<9}{told(call, execution)}"


def told(call: CheckpointCall, execution: Execution) -> str:
    """Say what became of the call."""
    attempt = call.attempts[-1].epoch
    if attempt < execution.attempt:
        return paint("32", f"ran once, reused by attempt {execution.attempt}")
    return "ran"


def seconds(start: datetime | None, end: datetime | None) -> str:
    """Return the time between two moments."""
    return f"{(end - start).total_seconds():.1f} s" if start and end else "?"


def start(script: str, argument: str) -> subprocess.Popen[str]:
    """Start a script of the example, its output coming here."""
    return subprocess.Popen(
        [sys.executable, script, argument],
        cwd=EXAMPLE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )


def lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """Yield what a process prints, and show it."""
    for line in process.stdout or ():
        print(paint("2", f"  | {line.rstrip()}"), flush=True)
        yield line.rstrip()


def say(text: str, colour: str = "36") -> None:
    """Print a headline of the demo's own."""
    print(paint(colour, f"▸ {text}"), flush=True)


def paint(colour: str, text: str) -> str:
    """Return the text in a colour, where there is a terminal that wants one."""
    return f"\033[{colour}m{text}\033[0m" if COLOURED else text


if __name__ == "__main__":
    sys.exit(main())

"""Flows for the runner's tests. An effect is a line in the file that EFFECTS names."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from kitaru import checkpoint, flow, wait

EFFECTS = Path(os.environ["EFFECTS"])
WRONG = "seven is not eight"


def effect(name: str) -> None:
    """Do something to the outside world that must not be done twice."""
    with EFFECTS.open("a") as file:
        file.write(f"{name}\n")


@checkpoint
def first(topic: str) -> str:
    """Finish at once."""
    effect("first")
    print(f"on {topic}")
    return topic.upper()


@checkpoint
def second(notes: str) -> str:
    """Take as long as the file `hold` is there, beside the effects."""
    effect("second")
    while (EFFECTS.parent / "hold").exists():
        time.sleep(0.01)
    return f"{notes}!"


@flow
def steps(topic: str) -> str:
    """Two checkpoints in a row."""
    return second(first(topic))


@flow
def parks(topic: str) -> str:
    """Ask in between."""
    notes = first(topic)
    approved = wait(schema=bool, name="approve", question="Go on?")
    return second(notes) if approved else "no"


@checkpoint
def breaks() -> None:
    """Raise, after a word on stderr."""
    print("about to break", file=sys.stderr)
    raise ArithmeticError(WRONG)


@flow
def fails() -> None:
    """Fail in a checkpoint."""
    breaks()


@checkpoint
def halts() -> None:
    """Raise what elsewhere is a person's Ctrl-C."""
    raise KeyboardInterrupt


@flow
def interrupted(*, within: bool) -> None:
    """Raise it in a checkpoint, or in the body."""
    if within:
        halts()
    raise KeyboardInterrupt


@checkpoint
async def sleeps() -> None:
    """Take for ever, as asyncio does: ready to be cancelled."""
    effect("sleeps")
    await asyncio.sleep(3600)


@flow
async def dreams() -> None:
    """Wait for what never ends."""
    await sleeps()


@flow
def leaves_a_thread(topic: str) -> str:
    """Return, with a thread behind that does not end."""
    threading.Thread(target=time.sleep, args=(3600,)).start()
    return first(topic)


@flow
def forks(topic: str) -> str:
    """End a child process by SIGTERM, which is not the runner's end."""
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(1)
    os.kill(child, 15)
    os.waitpid(child, 0)
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    program.terminate()
    program.wait()
    return first(topic)


NOT_A_FLOW = 7


@checkpoint(runtime="isolated")
def far(topic: str) -> str:
    """Run in a process of its own."""
    effect("far")
    print(f"far from {os.getppid()}")
    return topic.upper()


@flow
def isolates(topic: str) -> str:
    """Have a checkpoint in a process of its own."""
    return far(topic)

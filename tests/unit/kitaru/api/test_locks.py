"""Who runs an execution on this computer."""

import os
import subprocess
import sys
from pathlib import Path

from kitaru.backends.clock import SystemClock
from kitaru.local.locks import Locks

HOLD = """
import pathlib, sys
from kitaru.backends.clock import SystemClock
from kitaru.local.locks import Locks
locks = Locks(pathlib.Path(sys.argv[1]), SystemClock())
print(locks.acquire(sys.argv[2]), flush=True)
sys.stdin.read()
"""


def _locks(folder: Path) -> Locks:
    return Locks(folder / "locks", SystemClock())


def test_one_thread_at_a_time_has_a_lock(tmp_path: Path) -> None:
    """A second taker in the same process is refused until it is given back."""
    locks = _locks(tmp_path)
    assert locks.acquire("a")
    assert not locks.acquire("a")
    assert locks.acquire("b")
    locks.release("a")
    assert locks.acquire("a")


def test_a_lock_is_free_when_its_process_is_killed(tmp_path: Path) -> None:
    """The kernel gives back what a killed process held, and nothing before."""
    locks = _locks(tmp_path)
    command = [sys.executable, "-c", HOLD, str(tmp_path / "locks"), "a"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        assert locks.is_held("a")
        assert not locks.acquire("a")
        assert not locks.is_held("b")
        holder.kill()
    assert not locks.is_held("a")
    assert locks.acquire("a")


def test_a_forked_child_keeps_no_lock(tmp_path: Path) -> None:
    """A child that outlives its killed parent does not hold the parent's executions."""
    fork_and_die = "import os\nif os.fork():\n    os.kill(os.getpid(), 9)\n"
    program = HOLD.replace("sys.stdin.read()", f"{fork_and_die}sys.stdin.read()")
    command = [sys.executable, "-c", program, str(tmp_path / "locks"), "a"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.wait(10) < 0
        assert _locks(tmp_path).acquire("a")
        assert parent.stdin is not None
        parent.stdin.close()


def test_looking_takes_nothing(tmp_path: Path) -> None:
    """A lock that was looked at can be taken, and one's own counts as held."""
    locks = _locks(tmp_path)
    assert not locks.is_held("a")
    assert locks.acquire("a")
    assert locks.is_held("a")
    assert locks.is_mine("a")
    locks.release("a")
    locks.release("a")
    assert not locks.is_held("a")
    assert (tmp_path / "locks").stat().st_size == 0


def test_a_forked_child_has_none_of_its_parents_locks(tmp_path: Path) -> None:
    """The kernel gave it none, so it must not believe that it runs what its parent runs."""
    locks = Locks(tmp_path / "locks", SystemClock())
    assert locks.acquire("e1")
    child = os.fork()
    if child == 0:
        os._exit(1 if locks.is_mine("e1") or not locks.is_held("e1") else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert locks.is_mine("e1")

"""The process that ends a run: it holds a pipe to whoever started the cluster.

When the pipe closes, because the test run ended, was interrupted or was killed, it kills the first
process of the cluster's process namespace, and so all of them, and removes what is not a process:
the run's folder and control groups. When the guard itself is killed, the kernel kills the cluster,
and the next start removes the rest.

It inherits the open lock of the folder, which is free again when the guard has ended.

Called as `python -m kitaru_cluster.guard FOLDER attached|detached FD=ADDRESS:PORT ...`.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from kitaru_cluster import leftovers, processes
from kitaru_cluster.run import Run

_NAMESPACES = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child"),
    *("--mount-proc", "--propagation", "private", "--"),
)


_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def _wait(detached: str) -> None:
    """Return when the pipe closes or a signal arrives; later signals stay blocked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    if detached != "detached":
        threading.Thread(target=_watch_pipe, daemon=True).start()
    signal.sigwait(_SIGNALS)


def _watch_pipe() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the namespaces' first process; `unshare` ends when the kernel has ended all others."""
    for child in processes.children(process.pid):
        os.kill(child, signal.SIGKILL)
    if process.poll() is None and not processes.children(process.pid):
        process.kill()
    process.wait()


def main(run: Run, detached: str, forwards: Sequence[str]) -> None:
    """Run the supervisor in namespaces of its own until told to stop, then remove the run."""
    # The signals are blocked after this: the cluster's processes would inherit the mask.
    run.guard.write_text(f"{os.getpid()}\n")
    sockets = [int(forward.partition("=")[0]) for forward in forwards]
    supervisor = (sys.executable, "-m", "kitaru_cluster.supervisor", str(run.folder))
    with run.log("supervisor").open("ab") as log:
        process = subprocess.Popen(
            (*_NAMESPACES, *supervisor, *forwards),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=sockets,
        )
    _wait(detached)
    _end(process)
    leftovers.remove(run)


if __name__ == "__main__":
    main(Run(Path(sys.argv[1])), sys.argv[2], sys.argv[3:])

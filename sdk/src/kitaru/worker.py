"""Goes on with one local execution, in the Python and the folder in which it was started.

    cd FOLDER && PYTHON -P -m kitaru.worker STORE EXECUTION

`STORE` is the folder of the local store. The local stack starts such a process, detached, whenever an execution can go
on and the process that knows it has not loaded its flow; a person does where that cannot be. It opens the store before
it loads any user code, and a script under another name than ``__main__``, so that its main part does not run. When
several want to go on with one execution, one lock decides, and the others leave.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from kitaru import connect
from kitaru.errors import KitaruError
from kitaru.local.launches import Started


def main() -> int:
    """Go on with the execution that the command line names, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m kitaru.worker", description="Go on with a local execution.")
    parser.add_argument("store", type=Path, help="the folder of the local store")
    parser.add_argument("execution", help="the execution's id")
    parser.add_argument("--epoch", type=int, help="the attempt after which to go on; the newest by default")
    parser.add_argument("--detach", action="store_true", help="leave the terminal and the starting process")
    given = parser.parse_args()
    if given.detach:
        _detach()
    try:
        executions = connect.open_local(given.store).executions
        executions.serve(given.execution, given.epoch, _told_and_silent if given.detach else _told)
        executions.leave()
    except (KitaruError, LookupError) as error:
        sys.stderr.write(f"kitaru: {error}\n")
        return 1
    return 0


def _told(started: Started) -> None:
    sys.stdout.write(f"{started}\n")
    sys.stdout.flush()


def _told_and_silent(started: Started) -> None:
    """Tell whoever started this process, and let it go: what else is printed belongs into the log."""
    _told(started)
    os.dup2(2, 1)


def _detach() -> None:
    """Become nobody's child, so that whoever started this process need not wait for its end."""
    if os.fork():
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())

"""The composition root of a checkpoint's own process: started by `kitaru.backends.isolation`, and by nobody else."""

from __future__ import annotations

import json
import logging
import sys

from kitaru.backends.clock import SystemClock
from kitaru.backends.ids import RandomIds
from kitaru.backends.isolation_channel import Channel, LogForwarder
from kitaru.isolated import doing


def main(file: int, parent: int, level: int) -> None:
    """Do the errand that comes over the descriptor `file`; `parent` is the process at its other end."""
    channel = Channel(file, parent)
    root = logging.getLogger()
    root.setLevel(level)
    root.addHandler(LogForwarder(channel))
    tell = doing.serve(channel, SystemClock(), RandomIds())
    sys.stdout.flush()
    sys.stderr.flush()
    if tell is not None:
        tell()


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))

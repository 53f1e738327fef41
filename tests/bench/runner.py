"""How fast a runner starts and commits, beside bare Python and a bare boto3 `put_object`, all in one run.

Usage: PYTHONPATH=tests/cluster:. .venv/bin/python tests/bench/runner.py [runs]
"""

import importlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from kitaru.backends.clock import SystemClock
from kitaru.backends.log import ObjectJournal
from kitaru.backends.obstore_store import ObstoreStore
from kitaru.backends.s3 import S3Settings
from kitaru.core import paths
from kitaru.core.journal import Returned, Value
from kitaru.core.protocol.writer import Identity
from kitaru_cluster import s3 as servers
from kitaru_cluster.s3 import S3
from tests.integration.runner.runners import Execution

RUNS: Final = 15
COMMITS: Final = 300
FLOW: Final = """
import time
import kitaru

@kitaru.flow
def first_line(topic: str) -> float:
    print(repr(time.time()), flush=True)
"""
BARE: Final = "import time; print(repr(time.time()), flush=True)"


def main(runs: int) -> None:
    """Measure in turns, so that a noisy moment meets all alike, and print a table."""
    with servers.server() as server, tempfile.TemporaryDirectory(prefix="kitaru-bench-") as folder:
        show("start to the first line", starts(server, Path(folder), runs))
        show("a commit", commits(server))


def show(what: str, seconds: Mapping[str, list[float]]) -> None:
    """Print one line a subject."""
    print(f"{what + ', ms':<32}{'least':>9}{'median':>9}")
    for name, taken in seconds.items():
        print(f"  {name:<30}{min(taken) * 1e3:>9.2f}{statistics.median(taken) * 1e3:>9.2f}")


def starts(server: S3, folder: Path, runs: int) -> dict[str, list[float]]:
    """Return the seconds from the start of a process to its first line, modules compiled as in the image."""
    (folder / "bench_flow.py").write_text(FLOW)
    seconds: dict[str, list[float]] = {"bare Python": [], "kitaru_runner": []}
    for run in range(runs + 1):
        work = folder / str(run)
        work.mkdir()
        execution = Execution(server, server.make_bucket(), work, flows=folder, compiled=folder / "compiled")
        execution.freeze("bench_flow:first_line", topic="tea")
        began = time.time()
        ended = execution.attempt(1)
        runner = float(ended.stdout) - began
        began = time.time()
        said = subprocess.run([sys.executable, "-c", BARE], capture_output=True, check=True, text=True)
        if run:  # the first one compiles
            seconds["kitaru_runner"].append(runner)
            seconds["bare Python"].append(float(said.stdout) - began)
    return seconds


def commits(server: S3) -> dict[str, list[float]]:
    """Return the seconds of a commit of one call, and of a put of as many bytes."""
    settings = S3Settings(
        bucket=server.make_bucket(),
        endpoint=server.url,
        region=server.region,
        access_key=server.access_key,
        secret_key=server.secret_key,
    )
    subjects = {"bare boto3 put_object": bare(settings), "journal on obstore": journal(settings)}
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(COMMITS):
        for name, commit in subjects.items():
            began = time.perf_counter()
            commit(number)
            seconds[name].append(time.perf_counter() - began)
    return seconds


def bare(settings: S3Settings) -> Callable[[int], object]:
    """Return boto3's own write, with its own settings."""
    client = importlib.import_module("boto3").client(  # its own types are incomplete
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
    )
    return lambda number: client.put_object(Bucket=settings.bucket, Key=f"bare/{number:012d}", Body=b"x" * 500)


def journal(settings: S3Settings) -> Callable[[int], object]:
    """Return a runner's commit of a call that returned."""
    where = paths.execution("", "bench", "uid")
    opened = ObjectJournal(ObstoreStore(settings), where, Identity(epoch=1, writer="bench"), SystemClock())
    opened.open()
    value = Value(codec="json", type="str", size=2, sha256="0" * 64, data="done")
    now = datetime.now(UTC)
    return lambda number: opened.append([Returned(call=f"call_{number}", value=value, at=now)])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)

"""How fast the stores are, beside the bare things they are made of, all in one run.

Usage: PYTHONPATH=tests/cluster .venv/bin/python tests/bench/stores.py [requests]
"""

import importlib
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from kitaru.backends.boto3_store import Boto3Store
from kitaru.backends.memory import MemoryStore
from kitaru.backends.obstore_store import ObstoreStore
from kitaru.backends.s3 import S3Settings
from kitaru.backends.sqlite import SqliteStore
from kitaru.ports import ObjectStore
from kitaru_cluster import s3 as servers

BODY = bytes(range(256)) * 4
REQUESTS = 500

#: Makes the n-th request.
Request = Callable[[int], object]


def main(requests: int) -> None:
    """Measure everything in turns, so that a noisy moment meets all alike, and print a table."""
    with ExitStack() as stack:
        rows = subjects(stack)
        seconds: dict[str, list[float]] = {name: [] for name in rows}
        for number in range(requests):
            for name, request in rows.items():
                began = time.perf_counter()
                request(number)
                seconds[name].append(time.perf_counter() - began)
    print(f"{'1 KiB, times in ms':<30}{'median':>9}{'p95':>9}")
    for name, taken in seconds.items():
        p95 = statistics.quantiles(taken, n=20)[-1]
        print(f"{name:<30}{statistics.median(taken) * 1e3:>9.3f}{p95 * 1e3:>9.3f}")
    for name, bare in (
        ("sqlite create", "bare SQLite commit"),
        ("obstore create", "bare boto3 put_object"),
        ("boto3 create", "bare boto3 put_object"),
    ):
        ratio = statistics.median(seconds[name]) / statistics.median(seconds[bare])
        print(f"{name} / {bare}: {ratio:.2f}")


def subjects(stack: ExitStack) -> Mapping[str, Request]:
    """Return what is measured, by name."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kitaru-bench-")))
    server = stack.enter_context(servers.server())
    settings = S3Settings(
        bucket=server.make_bucket(),
        endpoint=server.url,
        region=server.region,
        access_key=server.access_key,
        secret_key=server.secret_key,
    )
    stores: Mapping[str, ObjectStore] = {
        "memory": MemoryStore(),
        "sqlite": stack.enter_context(SqliteStore(folder / "store")),
        "boto3": stack.enter_context(Boto3Store(settings)),
        "obstore": ObstoreStore(settings),
    }
    rows: dict[str, Request] = {
        "bare SQLite commit": bare_commits(folder / "bare.sqlite3", stack),
        "bare boto3 put_object": bare_puts(settings, stack),
    }
    for name, store in stores.items():
        rows[f"{name} create"] = created(store, name)
        rows[f"{name} get"] = got(store, name)
        rows[f"{name} get, missing"] = missed(store)
    return rows


def bare_commits(place: Path, stack: ExitStack) -> Request:
    """Return the least that a durable local write can be."""
    database = sqlite3.connect(place, isolation_level=None)
    stack.callback(database.close)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB)")
    return lambda number: database.execute("INSERT INTO t VALUES (?, ?)", (f"{number:012d}", BODY))


def bare_puts(settings: S3Settings, stack: ExitStack) -> Request:
    """Return boto3's own write, with its own settings."""
    client = importlib.import_module("boto3").client(  # its own types are incomplete
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
    )
    stack.callback(client.close)
    return lambda number: client.put_object(Bucket=settings.bucket, Key=f"bare/{number:012d}", Body=BODY)


def created(store: ObjectStore, name: str) -> Request:
    """Return the write that a journal waits for."""
    return lambda number: store.create(f"{name}/log/{number:012d}", BODY)


def got(store: ObjectStore, name: str) -> Request:
    """Return the read of what was written last."""
    return lambda number: store.get(f"{name}/log/{number:012d}")


def missed(store: ObjectStore) -> Request:
    """Return the read that finds the end of a log."""
    return lambda number: store.get(f"nowhere/{number:012d}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS)

"""Listing local executions, and asking for what cannot be (M3, M5)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

import kitaru
from kitaru.backends.sqlite import SqliteStore
from kitaru.client import ExecutionStatus, KitaruClient
from kitaru.connect import LocalStack
from kitaru.core import encoding, spec
from kitaru.core.journal import Completed, Fence, Parked, Record, Slot, Value, WaitOpened
from kitaru.core.spec import Spec
from kitaru.errors import KitaruExecutionError, KitaruStateError, KitaruUsageError
from kitaru.local.executions import LocalExecutions

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ONE = Value(codec="json", type="int", size=1, sha256="0", data=1)


@kitaru.checkpoint(cache=False)
def work(number: int) -> int:
    """Fail for a negative number."""
    if number < 0:
        message = "too small"
        raise ValueError(message)
    return number


@kitaru.flow
def listed(number: int) -> int:
    """Work."""
    return work(number)


@kitaru.flow
def listed_too(number: int) -> int:
    """Work as well."""
    return work(number)


def test_the_newest_come_first(stack: LocalStack) -> None:
    """`list` filters by flow and status and cuts by limit or page; `latest` gives the first in full (M3)."""
    executions = KitaruClient(stack).executions
    ids = [listed.run(number, stack=stack).exec_id for number in range(5)]
    other = listed_too.run(1, stack=stack)
    for exec_id in (*ids, other.exec_id):
        executions.handle(exec_id).wait()
    newest = ids[::-1]
    assert [one.exec_id for one in executions.list()] == [other.exec_id, *newest]
    assert [one.exec_id for one in executions.list(limit=2)] == [other.exec_id, newest[0]]
    assert [one.exec_id for one in executions.list(flow="listed", limit=20)] == newest
    assert [one.exec_id for one in executions.list(flow="listed", page=2, size=2)] == newest[2:4]
    assert [one.exec_id for one in executions.list(flow="listed", size=2)] == newest[:2]
    assert executions.list(flow="listed", page=4, size=2) == []
    assert executions.list(status="failed") == executions.list(status=ExecutionStatus.CANCELLED) == []
    row = executions.list(status="completed", limit=1)[0]
    assert (row.checkpoints, row.artifacts, row.flow_name) == ([], [], "listed_too")
    assert executions.latest(flow="listed-too") == executions.get(other.exec_id) == row.refresh()


@pytest.mark.parametrize(
    ("limit", "page", "size", "told"),
    [
        pytest.param(1, None, 1, "limit is given with page or size", id="limit-and-size"),
        pytest.param(1, 1, None, "limit is given with page or size", id="limit-and-page"),
        pytest.param(None, 1, None, "page is given without size", id="page-alone"),
        pytest.param(0, None, None, "limit is 0: it is a number from 1 on", id="no-limit"),
        pytest.param(None, 0, 1, "page is 0", id="page-0"),
        pytest.param(True, None, None, "limit=True is a bool; give a whole number", id="truth"),
    ],
)
def test_a_wrong_part_is_refused(
    stack: LocalStack, limit: int | None, page: int | None, size: int | None, told: str
) -> None:
    """By the name of the argument, with the remedy."""
    with pytest.raises(KitaruUsageError, match=told):
        KitaruClient(stack).executions.list(limit=limit, page=page, size=size)


def test_an_unknown_status_is_refused(stack: LocalStack) -> None:
    """The message lists those that there are."""
    with pytest.raises(KitaruUsageError, match="status is 'done': it is one of running, waiting"):
        KitaruClient(stack).executions.list(status="done")


def test_there_may_be_no_latest(stack: LocalStack) -> None:
    """A LookupError says what there is none of."""
    with pytest.raises(LookupError, match="There is no failed execution of flow 'listed' on the stack 'local'"):
        KitaruClient(stack).executions.latest(flow="listed", status="failed")


def test_a_list_follows_what_happens(stack: LocalStack) -> None:
    """A row of a failed execution that was retried says what it is now."""
    executions = KitaruClient(stack).executions
    handle = listed.run(-1, stack=stack)
    with pytest.raises(KitaruExecutionError, match="too small"):
        handle.wait()
    (failed,) = executions.list(status="failed")
    assert failed.failure is not None
    assert (failed.failure.message, failed.attempt) == ("too small", 1)
    with pytest.raises(KitaruStateError, match="would fail again"):
        failed.resume()
    failed.retry()
    with pytest.raises(KitaruExecutionError, match="too small"):
        handle.wait()
    (again,) = executions.list(status="failed")
    assert again.attempt == 2


def _objects(exec_id: str, number: int) -> Iterator[tuple[str, bytes]]:
    """Yield an execution as an attempt leaves it: every second one waits."""
    at = BEGAN + timedelta(seconds=number)
    frozen = Spec(namespace="local", name=exec_id, uid=exec_id, flow="many", entrypoint="m:many", created_at=at)
    yield "spec.json", spec.encode(frozen)
    wait = WaitOpened(wait="ask", name="ask", scope="", occurrence=1, at=at)
    ends: tuple[Record, ...] = (wait, Parked(at=at)) if number % 2 else (Completed(value=ONE, at=at),)
    for place, records in enumerate(((Fence(at=at),), ends)):
        slot = Slot(epoch=1, writer="w", id=f"w-{place}", records=records)
        yield f"log/{place:012d}", encoding.encode_slot(slot)


def test_a_long_list_is_read_in_parts(stack: LocalStack) -> None:
    """More executions than are read at once are all there, in order, from the store of another process too."""
    store = stack.executions.store
    assert isinstance(store, SqliteStore)
    ids = [f"{number:032x}" for number in range(1_100)]
    rows = [
        (f"local/executions/{exec_id}/{name}", len(body), "{}", body)
        for number, exec_id in enumerate(ids)
        for name, body in _objects(exec_id, number)
    ]
    store.change("test", "INSERT INTO objects (key, size, metadata, body) VALUES (?, ?, ?, ?)", rows)
    assert [row.exec_id for row in KitaruClient(stack).executions.list()] == ids[::-1]
    waiting = KitaruClient(stack).executions.list(status="waiting", limit=600)
    assert [row.exec_id for row in waiting] == ids[::-2][:550]
    assert waiting[0].pending_wait is not None


def test_a_retry_that_comes_too_late_keeps_no_lock(stack: LocalStack) -> None:
    """A process that exits begins nothing more, and another one may go on."""
    handle = listed.run(-1, stack=stack)
    with pytest.raises(KitaruExecutionError, match="too small"):
        handle.wait()
    executions = stack.executions
    assert isinstance(executions, LocalExecutions)
    executions.leave()
    with pytest.raises(KitaruStateError, match="This process is exiting"):
        executions.retry(handle.exec_id)
    # Whoever has the lock runs it: it would show as running.
    assert handle.status is ExecutionStatus.FAILED

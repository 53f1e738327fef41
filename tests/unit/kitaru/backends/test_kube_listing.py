"""Executions of a namespace as a list shows them, and when they have to be resumed."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from pydantic import JsonValue

from kitaru.backends import kube_listing
from kitaru.backends.kube_settings import KubeSettings
from kitaru.backends.memory import MemoryStore
from kitaru.backends.s3 import S3Settings
from kitaru.core import encoding, paths
from kitaru.core.journal import Answer, Fence, Parked, Record, Slot, WaitOpened
from kitaru.core.listing import Query
from kitaru.core.phases import Phase, Status
from kitaru.core.resources import model
from kitaru.core.resources.execution import KitaruExecution
from kitaru.core.resuming import Seen
from kitaru.errors import FailureOrigin

NOW: Final = datetime(2026, 1, 2, tzinfo=UTC)
SETTINGS: Final = KubeSettings(stack="prod", namespace="agents", s3=S3Settings(bucket="journals"))
FAILURE: Final[dict[str, JsonValue]] = {"origin": "user_code", "checkpoint": "refuse", "message": "no"}


def _execution(name: str, second: int = 0, *, flow: str = "report", **status: JsonValue) -> KitaruExecution:
    created = (NOW + timedelta(seconds=second)).isoformat()
    body: dict[str, JsonValue] = {
        "apiVersion": "kitaru.dev/v1alpha1",
        "kind": "KitaruExecution",
        "metadata": {"name": name, "namespace": "agents", "uid": f"uid-{name}", "creationTimestamp": created},
        "spec": {"flow": flow},
        "status": status,
    }
    return model.read(KitaruExecution, body)


EXECUTIONS: Final = (
    _execution("a", 1, phase="Completed", attempt=1),
    _execution("b", 3, phase="Failed", attempt=2, failures=1, failure=FAILURE),
    _execution("c", 2, flow="other-report"),
    _execution("d", 3, phase="Waiting", attempt=1, waits=[{"id": "ask", "name": "ask", "slot": 2}]),
    _execution("e", 0, phase="Failed", failures=1),
)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param(Query(), "dbcae", id="all"),
        pytest.param(Query(flow="other_report"), "c", id="flow"),
        pytest.param(Query(status=Status.RUNNING), "c", id="not-looked-at-yet"),
        pytest.param(Query(status=Status.FAILED), "be", id="failed"),
        pytest.param(Query(offset=1, most=2), "bc", id="part"),
    ],
)
def test_the_newest_come_first(query: Query, names: str) -> None:
    """Within one second, which is all that Kubernetes tells, by name."""
    rows = kube_listing.rows(SETTINGS, EXECUTIONS, query)
    assert "".join(row.located.exec_id for row in rows) == names


def test_a_row_says_what_its_status_says() -> None:
    """A failure with its origin, and one that nothing is known of; a question with what is there of it."""
    rows = {row.located.exec_id: row for row in kube_listing.rows(SETTINGS, EXECUTIONS, Query())}
    failed, lost, waiting = rows["b"].failure, rows["e"].failure, rows["d"].waits
    assert failed is not None
    assert (failed.message, failed.origin, failed.checkpoint) == ("no", FailureOrigin.USER_CODE, "refuse")
    assert lost is not None
    assert lost.origin is FailureOrigin.RUNTIME
    assert [(one.wait_id, one.entered_waiting_at, one.schema) for one in waiting] == [
        ("ask", NOW + timedelta(seconds=3), None)
    ]


def _store(*records: Record, answered: bool = False) -> MemoryStore:
    store, where = MemoryStore(), paths.execution("", "agents", "uid-d")
    slot = Slot(epoch=1, writer="w", id="w-0", records=(Fence(at=NOW), *records))
    store.put(where.slot(0), encoding.encode_slot(slot))
    if answered:
        store.put(where.answer("ask"), encoding.encode_decision(Answer(request="r", value=True, at=NOW)))
    return store


ASKED: Final = (WaitOpened(wait="ask", name="ask", scope="", occurrence=1, at=NOW), Parked(at=NOW))


@pytest.mark.parametrize(
    ("index", "store", "seen"),
    [
        pytest.param(1, _store(), Seen(phase=Phase.FAILED, origin=FailureOrigin.USER_CODE), id="failed"),
        pytest.param(4, _store(), Seen(phase=Phase.FAILED, origin=FailureOrigin.RUNTIME), id="lost"),
        pytest.param(3, _store(*ASKED), Seen(phase=Phase.WAITING, waits=["ask"], decided=[]), id="asked"),
        pytest.param(
            3, _store(*ASKED, answered=True), Seen(phase=Phase.WAITING, waits=["ask"], decided=["ask"]), id="answered"
        ),
        pytest.param(3, _store(), Seen(phase=Phase.RUNNING, waits=[], decided=[]), id="goes-on-already"),
    ],
)
def test_the_journal_knows_what_was_answered(index: int, store: MemoryStore, seen: Seen) -> None:
    """A resource lags behind its log, and names eight waits at most."""
    assert kube_listing.seen(SETTINGS, store, EXECUTIONS[index]) == seen

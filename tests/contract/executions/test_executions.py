"""What every stack does with an execution that is started, answered, retried, cancelled, or that is not there."""

import time
from collections.abc import Callable, Mapping
from typing import Final

import pytest

from kitaru.backends import log
from kitaru.core.listing import Query
from kitaru.core.phases import Phase, Status
from kitaru.errors import FailureOrigin, KitaruStateError, KitaruWaitValidationError
from kitaru.ports import Executions
from kitaru_cluster.waiting import until
from tests.contract.executions.conftest import SECONDS, Subject

VERBS: Final[Mapping[str, Callable[[Executions], object]]] = {
    "locate": lambda executions: executions.locate("none"),
    "answer": lambda executions: executions.answer("none", "approve", value=None),
    "abort": lambda executions: executions.abort("none", "approve"),
    "retry": lambda executions: executions.retry("none"),
    "resume": lambda executions: executions.resume("none"),
    "cancel": lambda executions: executions.cancel("none"),
    "await_change": lambda executions: executions.await_change("none", 1.0),
}


@pytest.fixture
def waiting(subject: Subject) -> str:
    """Give an execution that waits for an answer."""
    exec_id = subject.start("contract_asks", topic="tea")
    subject.await_phase(exec_id, Phase.WAITING)
    return exec_id


def test_an_execution_runs_to_its_end(subject: Subject) -> None:
    """What is started is Completed in the end, and is located under the id that start returned."""
    exec_id = subject.start("contract_echo", topic="tea")
    subject.await_phase(exec_id, Phase.COMPLETED)
    located = subject.executions.locate(exec_id)
    assert located.exec_id == exec_id
    assert located.flow.replace("-", "_") == "contract_echo"
    assert subject.executions.store.get(located.paths.slot(0)) is not None


def test_a_unique_prefix_is_enough(subject: Subject) -> None:
    """All but the last character of an id leads to the execution."""
    exec_id = subject.start("contract_echo", topic="tea")
    assert subject.executions.locate(exec_id[:-1]).exec_id == exec_id
    subject.await_phase(exec_id, Phase.COMPLETED)


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_id_is_a_lookup_error(subject: Subject, verb: str) -> None:
    """Whatever is asked of an execution that does not exist, the error names the id."""
    with pytest.raises(LookupError, match="none"):
        VERBS[verb](subject.executions)


def test_an_answer_that_does_not_fit_changes_nothing(subject: Subject, waiting: str) -> None:
    """A misfit is refused by the name of the field, and the execution goes on waiting."""
    with pytest.raises(KitaruWaitValidationError, match="approved"):
        subject.executions.answer(waiting, "approve", {"approved": "perhaps"})
    assert subject.executions.locate(waiting).phase is Phase.WAITING
    subject.executions.answer(waiting, "approve", {"approved": True})
    subject.await_phase(waiting, Phase.COMPLETED)


def test_a_second_answer_is_refused(subject: Subject, waiting: str) -> None:
    """The first answer that fits wins; another one is a KitaruStateError."""
    subject.executions.answer(waiting, "approve", {"approved": True})
    with pytest.raises(KitaruStateError):
        subject.executions.answer(waiting, "approve", {"approved": False})
    subject.await_phase(waiting, Phase.COMPLETED)


def test_an_abort_cancels(subject: Subject, waiting: str) -> None:
    """Aborting a wait ends the execution as Cancelled."""
    subject.executions.abort(waiting, "approve")
    subject.await_phase(waiting, Phase.CANCELLED)


def test_cancel_ends_a_waiting_execution_for_good(subject: Subject, waiting: str) -> None:
    """A cancelled execution can be neither cancelled again nor retried."""
    subject.executions.cancel(waiting)
    subject.await_phase(waiting, Phase.CANCELLED)
    for ask in (subject.executions.cancel, subject.executions.retry):
        with pytest.raises(KitaruStateError, match="cancelled"):
            ask(waiting)


def test_what_is_completed_can_be_neither_cancelled_nor_retried(subject: Subject) -> None:
    """A completed execution refuses both by its status, and stays completed."""
    exec_id = subject.start("contract_echo", topic="tea")
    subject.await_phase(exec_id, Phase.COMPLETED)
    for ask in (subject.executions.cancel, subject.executions.retry):
        with pytest.raises(KitaruStateError, match="completed"):
            ask(exec_id)
    assert subject.executions.locate(exec_id).phase is Phase.COMPLETED


def test_a_retry_is_one_more_try(subject: Subject) -> None:
    """A failed execution that is retried runs again, and may fail again."""
    exec_id = subject.start("contract_fails")
    subject.await_phase(exec_id, Phase.FAILED)
    subject.executions.retry(exec_id)

    def failed_twice() -> bool:
        located = subject.executions.locate(exec_id)
        return log.read_head(subject.executions.store, located.paths).failures == 2

    until(failed_twice, "the second failure", seconds=SECONDS)
    subject.await_phase(exec_id, Phase.FAILED)


def test_a_list_has_the_newest_first(subject: Subject) -> None:
    """All of a flow, a page of them, or those in one status; a row says what its execution is."""
    ids = [subject.start("contract_echo", topic=topic) for topic in ("tea", "milk", "rum")]
    asking = subject.start("contract_asks", topic="tea")
    for exec_id in ids:
        subject.await_phase(exec_id, Phase.COMPLETED)
    subject.await_phase(asking, Phase.WAITING)
    ours = {*ids, asking}

    def listed(query: Query) -> list[str]:
        found = [row.located.exec_id for row in subject.executions.list(query)]
        return [one for one in found if one in ours]

    rows = subject.executions.list(Query())
    assert [row.located.created_at for row in rows] == sorted((row.located.created_at for row in rows), reverse=True)
    assert set(listed(Query())) == ours
    assert set(listed(Query(flow="contract_echo"))) == set(listed(Query(flow="contract-echo"))) == set(ids)
    assert listed(Query(flow="contract_echo", status=Status.COMPLETED)) == listed(Query(flow="contract_echo"))
    assert listed(Query(status=Status.WAITING)) == [asking]
    assert listed(Query(flow="nobody's")) == []
    echoes = [row.located.exec_id for row in subject.executions.list(Query(flow="contract_echo"))]
    pages = [subject.executions.list(Query(flow="contract_echo", offset=offset, most=2)) for offset in (0, 2)]
    assert [row.located.exec_id for page in pages for row in page] == echoes[:4]
    row = next(one for one in rows if one.located.exec_id == asking)
    assert ([wait.wait_id for wait in row.waits], row.attempt, row.failure) == (["approve"], 1, None)
    assert row.started_at is not None


def test_a_row_tells_a_failure(subject: Subject) -> None:
    """The list says why an execution failed, as far as a sentence goes."""
    exec_id = subject.start("contract_fails")
    subject.await_phase(exec_id, Phase.FAILED)
    rows = subject.executions.list(Query(status=Status.FAILED))
    row = next(one for one in rows if one.located.exec_id == exec_id)
    assert row.failure is not None
    assert (row.failure.origin, row.failure.checkpoint) == (FailureOrigin.USER_CODE, "refuse")
    assert "seven is not eight" in row.failure.message
    assert row.ended_at is not None


def test_resume_is_for_what_only_waits(subject: Subject, waiting: str) -> None:
    """Before the answer it is refused, after it harmless; what failed by its own doing is refused."""
    with pytest.raises(KitaruStateError, match=r"waits for an answer \(open: approve\)"):
        subject.executions.resume(waiting)
    subject.executions.answer(waiting, "approve", {"approved": True})
    subject.executions.resume(waiting)
    subject.await_phase(waiting, Phase.COMPLETED)
    subject.executions.resume(waiting)
    failed = subject.start("contract_fails")
    subject.await_phase(failed, Phase.FAILED)
    with pytest.raises(KitaruStateError, match="failed, and would fail again"):
        subject.executions.resume(failed)


def test_await_change_ends_with_its_timeout(subject: Subject, waiting: str) -> None:
    """When nothing happens, it returns after about the timeout at the latest."""
    subject.executions.locate(waiting)
    began = time.monotonic()
    subject.executions.await_change(waiting, 1.0)
    assert time.monotonic() - began < 10

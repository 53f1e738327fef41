"""What checkpoints publish, and who sees it."""

import threading

import pytest

import kitaru
from kitaru import events
from kitaru.client import KitaruClient
from kitaru.connect import LocalStack
from kitaru.errors import KitaruContextError, KitaruUsageError
from kitaru.events import ExecutionEvent


@kitaru.checkpoint(type="tool_call")
def read(page: int) -> int:
    """Read a page, and say so."""
    kitaru.progress("halfway", percent=0.5, page=page)
    events.publish("page.read", {"page": page}, correlation_id="c-1", message="read")
    return page


@kitaru.flow
def reader(pages: int) -> int:
    """Read some pages."""
    return sum(read(page) for page in range(pages))


def _kinds(found: list[ExecutionEvent]) -> list[str]:
    return [one.kind for one in found]


ONE = [
    events.CHECKPOINT_STARTED_KIND,
    events.CHECKPOINT_PROGRESS_KIND,
    "page.read",
    events.CHECKPOINT_RETURNED_KIND,
]


def test_a_late_subscriber_sees_them_all(stack: LocalStack) -> None:
    """Events are kept with the execution; those of its calls come from the journal."""
    handle = reader.run(2, stack=stack)
    handle.wait()
    found = list(KitaruClient(stack).executions.events(handle.exec_id))
    assert _kinds(found) == ONE + ONE
    assert [one.index for one in found] == [None, 1, 2, None] * 2
    assert found[1].payload["data"] == {"percent": 0.5, "page": 0}
    assert found[2].correlation_id == "c-1"
    assert {one.checkpoint_id for one in found} == {"read", "read_2"}


def test_a_subscriber_sees_them_while_the_call_runs(stack: LocalStack) -> None:
    """A flushed event is there before its call has ended; the stream ends with the execution."""
    seen = threading.Event()

    @kitaru.checkpoint
    def patient() -> None:
        kitaru.progress("begun", flush=True)
        assert seen.wait(8)

    @kitaru.flow
    def slow() -> None:
        patient()

    handle = slow.run(stack=stack)
    kinds: list[str] = []
    for event in KitaruClient(stack).executions.events(handle.exec_id):
        kinds.append(event.kind)
        seen.set()
    assert events.CHECKPOINT_PROGRESS_KIND in kinds
    assert kinds[-1] == events.CHECKPOINT_RETURNED_KIND


def test_events_are_chosen_by_kind_call_and_correlation(stack: LocalStack) -> None:
    """Filters leave the others out; a cursor goes on after its event."""
    handle = reader.run(2, stack=stack)
    handle.wait()
    client = KitaruClient(stack).executions
    assert _kinds(list(client.events(handle.exec_id, kinds=["page.read"], checkpoint="read_2"))) == ["page.read"]
    assert _kinds(list(client.events(handle.exec_id, correlation_ids=["c-1"]))) == ["page.read"] * 2
    every = list(client.events(handle.exec_id))
    assert list(client.events(handle.exec_id, since=every[3].cursor, follow=False)) == every[4:]


def test_a_failed_call_says_no_more_than_that(stack: LocalStack) -> None:
    """The exception's words stay in the logs."""

    @kitaru.checkpoint
    def broken() -> None:
        message = "secret"
        raise ValueError(message)

    @kitaru.flow
    def careless() -> str:
        try:
            broken()
        except ValueError:
            return "caught"
        return "never"

    handle = careless.run(stack=stack)
    assert handle.wait() == "caught"
    last = list(KitaruClient(stack).executions.events(handle.exec_id))[-1]
    assert last.kind == events.CHECKPOINT_FAILED_KIND
    assert "secret" not in str(last.payload)


@pytest.mark.parametrize(
    "percent", [pytest.param(True, id="bool"), pytest.param(1.5, id="more"), pytest.param(float("nan"), id="nan")]
)
def test_a_percentage_is_a_number_from_0_to_1(percent: float) -> None:
    """Anything else is refused, wherever it is called."""
    with pytest.raises(KitaruUsageError, match="percent"):
        kitaru.progress("no", percent=percent)


def test_a_payload_is_json() -> None:
    """What is not JSON is refused by the name of the call."""
    with pytest.raises(KitaruUsageError, match="publish"):
        events.publish("page", {"x": object()})


def test_only_checkpoints_publish() -> None:
    """Outside of checkpoints it is refused by name; flush may be called anywhere."""
    with pytest.raises(KitaruContextError, match=r"kitaru\.progress\(\)"):
        kitaru.progress("no")
    with pytest.raises(KitaruContextError, match=r"kitaru\.events\.publish\(\)"):
        events.publish("page")
    assert events.flush()


def test_an_unknown_execution_and_option_are_refused_at_once(stack: LocalStack) -> None:
    """Not only when the first event is asked for."""
    client = KitaruClient(stack).executions
    with pytest.raises(LookupError):
        client.events("nothing")
    handle = reader.run(0, stack=stack)
    handle.wait()
    with pytest.raises(KitaruUsageError, match="since"):
        client.events(handle.exec_id, since="now")

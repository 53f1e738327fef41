"""What users of durable flows trip over elsewhere, and do not here."""

import contextvars
import threading

import pytest

import kitaru
from kitaru import testing
from kitaru.client import KitaruClient
from kitaru.connect import LocalStack
from kitaru.errors import FailureOrigin, KitaruContextError, KitaruUserCodeError


@kitaru.checkpoint
def words(text: str) -> list[str]:
    """Split a text."""
    return text.split()


@pytest.mark.parametrize(
    "text",
    [
        "failed to serialize the reply",
        "the answers diverge: replay mismatch",
        "connection refused",
        "the materializer could not hydrate it",
    ],
)
def test_an_origin_is_where_a_failure_was_seen(stack: LocalStack, text: str) -> None:
    """User code may say what it likes: its exceptions are its own."""

    @kitaru.checkpoint
    def speaking() -> None:
        raise RuntimeError(text)

    @kitaru.flow
    def misleading() -> None:
        speaking()

    with pytest.raises(KitaruUserCodeError) as caught:
        misleading.run(stack=stack).wait()
    assert caught.value.failure_origin is FailureOrigin.USER_CODE


def test_calls_give_plain_values(stack: LocalStack) -> None:
    """A body formats, branches on, indexes and counts what its calls returned; so it does with a future's result."""

    @kitaru.flow
    def plain() -> str:
        first = words("a b c")
        later = words.submit("d e").result()
        return f"{first[0]}{len(first)}{'+' if later else '-'}{first + later}"

    assert plain.run(stack=stack).wait() == "a3+['a', 'b', 'c', 'd', 'e']"


def test_the_result_is_what_the_body_returned(stack: LocalStack) -> None:
    """None included, whatever its calls returned, used or not."""

    @kitaru.flow
    def nothing() -> None:
        words("a b")
        words("c")

    handle = nothing.run(stack=stack)
    results: list[object] = [handle.wait()]
    assert results == [None]
    calls = KitaruClient(stack).executions.get(handle.exec_id).checkpoints
    assert [call.call_id for call in calls] == ["words", "words_2"]


def test_stacks_do_not_wait_for_each_other(stack: LocalStack) -> None:
    """Flows of two stacks run at the same time in one process; neither switches the other's."""
    both = threading.Barrier(2)

    @kitaru.flow
    def meeting() -> bool:
        return both.wait(8) in range(2)

    with testing.memory_stack() as other:
        handles = [meeting.run(stack=stack), meeting.run(stack=other)]
        assert [handle.wait() for handle in handles] == [True, True]
        for handle, own in zip(handles, (stack, other), strict=True):
            assert [one.exec_id for one in KitaruClient(own).executions.list()] == [handle.exec_id]


def test_threads_of_a_checkpoint(stack: LocalStack) -> None:
    """One that runs in the checkpoint's context logs for it; one that does not is told what it lacks."""
    refused: list[str] = []

    def note(**metadata: str) -> None:
        try:
            kitaru.log(**metadata)
            kitaru.save("note", metadata)
        except KitaruContextError as error:
            refused.append(str(error))

    @kitaru.checkpoint
    def busy() -> None:
        context = contextvars.copy_context()
        knows = threading.Thread(target=lambda: context.run(note, knows="yes"))
        lost = threading.Thread(target=lambda: note(lost="yes"))
        for thread in (knows, lost):
            thread.start()
            thread.join()

    @kitaru.flow
    def threaded() -> None:
        busy()

    handle = threaded.run(stack=stack)
    handle.wait()
    (call,) = KitaruClient(stack).executions.get(handle.exec_id).checkpoints
    assert call.metadata == {"knows": "yes"}
    assert [one.name for one in call.artifacts] == ["busy", "note"]
    (message,) = refused
    assert "contextvars.copy_context()" in message

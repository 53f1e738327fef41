"""The samples by which users know flows and waits, as they are published, each a script of its own.

Names that a sample leaves to its reader are defined before it; a stack called "production" is the local one here.
"""

from typing import Final

from kitaru.client import ExecutionStatus, KitaruClient
from kitaru.errors import KitaruWaitValidationError
from tests.integration.local.programs import Place

READER: Final = """
import kitaru
from kitaru import checkpoint

@checkpoint(cache=False)
def fetch_data(url):
    if not url.startswith("https://"):
        raise ValueError(f"{url} is no address")
    return f"page of {url}"

@checkpoint
def process_data(data):
    return data.upper()
"""
DEFINING: Final = """
from kitaru import flow

@flow
def my_agent(url: str) -> str:
    data = fetch_data(url)
    return process_data(data)
"""
RESULT: Final = "PAGE OF HTTPS://EXAMPLE.COM"
RUNNING: Final = """
handle = my_agent.run(url="https://example.com")
print(handle.exec_id)   # unique execution identifier
# ... do other work ...
result = handle.wait()   # block until finished
"""
ONE_LINE: Final = """
result = my_agent.run(url="https://example.com").wait()
"""
STACK: Final = """
handle = my_agent.run(url="https://example.com", stack="production")
""".replace("production", "local")
GET: Final = """
import threading
asked = threading.Event()

@checkpoint(cache=False)
def fetch_data(url):
    asked.wait(30)
    return f"page of {url}"

handle = my_agent.run(url="https://example.com")
try:
    handle.get()
except kitaru.KitaruStateError:
    print("not finished:", handle.status)
asked.set()
handle.wait()
print(handle.get(), handle.status)
"""
DEPLOYING: Final = """
# Producer side: create a reusable deployment version.
my_agent.deploy(url="https://example.com")

# Consumer side: start a new execution from the deployed default route.
handle = my_agent.invoke(url="https://example.com")
"""
SELECTING: Final = """
print(handle.wait())
my_agent.deploy(url="https://example.org", tags=["stable"])
print(my_agent.invoke(version=2).wait())
print(my_agent.invoke(tag="stable", url="https://example.net").wait())
"""
SOURCE_FREE: Final = """
# Or invoke source-free by flow name (from Python, CLI, MCP, or HTTP)
from kitaru import KitaruClient
handle = KitaruClient().deployments.invoke(
    flow="my_agent",
    inputs={"url": "https://example.com"},
)
"""
ERRORS: Final = """
import kitaru

try:
    result = my_agent.run(url="bad-input").wait()
except kitaru.KitaruExecutionError as exc:
    print(exc.exec_id, exc.status, exc.failure_origin)
"""
OPTIONS: Final = """
from kitaru import flow

@flow(retries=2, cache=False)
def my_agent(url: str) -> str:
    ...

# Override at call time
handle = my_agent.run(url="https://example.com", retries=3, cache=True)
"""
RULES: Final = """
for wrong in (lambda: my_agent("https://example.com"), lambda: my_agent.run(url="https://example.com", retries=-1)):
    try:
        wrong()
    except kitaru.KitaruUsageError:
        print("refused")
"""
WAITING: Final = """
from kitaru import flow
import kitaru

@flow
def publish_flow(topic: str) -> str:
    approved = kitaru.wait(
        schema=bool,
        name="approve_publish",
        question=f"Approve publishing {topic}?",
        metadata={"topic": topic},
    )
    if not approved:
        return f"REJECTED: {topic}"
    return f"PUBLISHED: {topic}"
"""
START: Final = """
if __name__ == "__main__":
    print(publish_flow.run("tides").exec_id)
"""
CURRENT: Final = """
@checkpoint(cache=False)
def inside():
    return kitaru.current_execution_id()

@kitaru.flow
def ids():
    return [kitaru.current_execution_id(), inside()]

handle = ids.run()
print(handle.wait() == [handle.exec_id] * 2, kitaru.current_execution_id())
"""
MISPLACED: Final = """
@checkpoint
def asks():
    return kitaru.wait(schema=bool, name="too_deep")

@kitaru.flow
def flow_of_it():
    try:
        return asks()
    except kitaru.KitaruContextError as error:
        return str(error)

print(flow_of_it.run().wait())
"""


def test_running_a_flow(place: Place) -> None:
    """`.run()` gives a handle with an id at once, and `.wait()` what the flow returned (F1, F2, F3)."""
    printed = place.script(READER, DEFINING, RUNNING, "print(result)").splitlines()
    assert len(printed[0]) == 32
    assert printed[1] == RESULT
    assert place.script(READER, DEFINING, ONE_LINE, "print(result)") == RESULT


def test_a_stack_for_one_execution(place: Place) -> None:
    """`.run(stack=...)` holds for that execution (F4)."""
    assert place.script(READER, DEFINING, STACK, "print(handle.wait())") == RESULT


def test_handles(place: Place) -> None:
    """`.get()` gives the result of a finished execution and raises before; the status is always fresh (F7, F8)."""
    assert place.script(READER, DEFINING, GET).splitlines() == ["not finished: running", f"{RESULT} completed"]


def test_deploying_and_invoking(place: Place) -> None:
    """A producer deploys, a consumer invokes the default route, a version, a tag, with its own inputs (F5, F6, F20)."""
    (place.folder / "pyproject.toml").touch()
    assert place.script(READER, DEFINING, DEPLOYING, SELECTING).splitlines() == [
        RESULT,
        "PAGE OF HTTPS://EXAMPLE.ORG",
        "PAGE OF HTTPS://EXAMPLE.NET",
    ]
    # Another process, without the source.
    assert place.run(f"{SOURCE_FREE}\nprint(handle.wait())") == RESULT


def test_how_errors_surface(place: Place, client: KitaruClient) -> None:
    """A typed error with the id, the status and the origin (F9)."""
    exec_id, status, origin = place.script(READER, DEFINING, ERRORS).split()
    assert (status, origin) == ("failed", "user_code")
    failure = client.executions.get(exec_id).failure
    assert failure is not None
    assert failure.message == "bad-input is no address"


def test_runtime_options(place: Place, client: KitaruClient) -> None:
    """What a call gives stands above the decorator's defaults (F10)."""
    printed = place.script(OPTIONS, "print(handle.exec_id, handle.wait())")
    exec_id, result = printed.split()
    spec = client.executions.get(exec_id).frozen_execution_spec
    assert spec is not None
    assert (spec.flow_defaults.retries, spec.flow_defaults.cache) == (2, False)
    assert (spec.resolved_execution.retries, spec.resolved_execution.cache) == (3, True)
    assert result == "None"


def test_rules_to_know(place: Place) -> None:
    """Direct calls and negative retries are usage errors (F18)."""
    assert place.script(READER, DEFINING, RULES).splitlines() == ["refused", "refused"]


def test_the_pattern_of_a_wait(place: Place, client: KitaruClient) -> None:
    """Without a terminal it waits, is answered from elsewhere, and returns a flow's plain value (W2, W3, W7)."""
    for answer, end in ((True, "PUBLISHED: tides"), (False, "REJECTED: tides")):
        exec_id = place.script(WAITING, START)
        wait = client.executions.get(exec_id).pending_wait
        assert wait is not None
        assert (wait.question, wait.metadata) == ("Approve publishing tides?", {"topic": "tides"})
        client.executions.input(exec_id, wait="approve_publish", value=answer)
        assert client.executions.handle(exec_id).wait() == end


def test_an_answer_that_does_not_fit(place: Place, client: KitaruClient) -> None:
    """It raises, and the execution goes on waiting; an abort ends it as cancelled (W7, W9)."""
    exec_id = place.script(WAITING, START)
    refused: list[KitaruWaitValidationError] = []
    try:
        client.executions.input(exec_id, wait="approve_publish", value="perhaps")
    except KitaruWaitValidationError as error:
        refused.append(error)
    assert refused
    assert client.executions.get(exec_id).status is ExecutionStatus.WAITING
    ended = client.executions.abort_wait(exec_id, wait="approve_publish")
    assert ended.status is ExecutionStatus.CANCELLED


def test_the_current_execution(place: Place) -> None:
    """Its id in a flow and in a checkpoint; None outside (W4)."""
    assert place.script(READER, CURRENT) == "True None"


def test_a_wait_in_a_checkpoint(place: Place) -> None:
    """It is refused, in words that say where it belongs (W5)."""
    assert "wait" in place.script(READER, MISPLACED)

"""Deployments on the local stack, as far as one process goes: the code that is deployed is loaded here."""

import threading
from code import InteractiveInterpreter

import pytest

import kitaru
from kitaru.connect import LocalStack
from kitaru.errors import (
    KitaruContextError,
    KitaruExecutionError,
    KitaruStateError,
    KitaruUsageError,
)
from tests.unit.kitaru.api.project.reports import RAN, Style, local_report, nested


def test_a_deployed_flow_is_invoked(stack: LocalStack) -> None:
    """deploy(topic=...) keeps a version and runs nothing; invoke(topic=...) runs the default one (F5, F20)."""
    RAN.clear()
    made = local_report.deploy(topic="tea", style=Style(colour="red"), stack=stack)
    assert RAN == []
    assert (made.flow, made.version, made.tags, made.stack) == ("local_report", 1, {"default": True}, "local")
    assert (made.image, made.image_digest) == (None, None)
    assert made.bundle is not None
    assert made.schema is not None
    assert made.schema["required"] == ["topic"]
    assert local_report.invoke(stack=stack).wait() == "on tea, red, 1"
    assert local_report.invoke(topic="milk", pages=2, style=None, stack=stack).wait() == "on milk, plain, 2"
    assert RAN == ["tea", "milk"]  # here, and in no worker, since the source is the one that is loaded


def test_an_execution_tells_its_version_and_settings(stack: LocalStack) -> None:
    """What was resolved at the deploy holds for all executions of the version."""
    made = local_report.deploy("tea", retries=3, stack=stack)
    handle = made.invoke()
    assert handle.wait() == "on tea, plain, 1"
    execution = kitaru.KitaruClient(stack).executions.get(handle.exec_id)
    assert execution.frozen_execution_spec is not None
    resolved = execution.frozen_execution_spec.resolved_execution
    assert (resolved.retries, resolved.cache) == (3, False)
    assert stack.executions.locate(handle.exec_id).version == 1


def test_each_deploy_is_a_version_and_tags_route(stack: LocalStack) -> None:
    """version= and tag= choose; the default stays where it was put first (F6, F15)."""
    local_report.deploy(topic="one", stack=stack)
    local_report.deploy(topic="two", tags=["stable"], stack=stack)
    local_report.deploy(topic="three", tags={"default": False, "beta": False}, stack=stack)
    found = local_report.deployments(stack=stack)
    assert [(one.version, one.tags) for one in found] == [
        (3, {"beta": False, "default": True}),
        (2, {"stable": True}),
        (1, {}),
    ]
    assert local_report.invoke(stack=stack).wait() == "on three, plain, 1"
    assert local_report.invoke(version=1, stack=stack).wait() == "on one, plain, 1"
    assert local_report.invoke(tag="stable", stack=stack).wait() == "on two, plain, 1"
    assert local_report.deployment(tag="stable", stack=stack) == found[1]


def test_the_client_invokes_by_name(stack: LocalStack) -> None:
    """deployments.invoke(flow=, inputs=) needs no selector and no code: the default route (F14, F16)."""
    client = kitaru.KitaruClient(stack).deployments
    with pytest.raises(LookupError, match="no deployed flow 'local_report'"):
        client.invoke(flow="local_report", inputs={"topic": "tea"})
    local_report.deploy(publish_default_on_first_deploy=False, tags={"a": False}, stack=stack)
    with pytest.raises(KitaruStateError, match="none with the tag 'default'"):
        client.invoke(flow="local_report", inputs={"topic": "tea"})
    client.tag(flow="local_report", version=1, tag="default")
    assert client.invoke(flow="local_report", inputs={"topic": "tea"}).wait() == "on tea, plain, 1"
    assert [one.version for one in client.list()] == [1]
    assert client.get(flow="local_report", tag="a").version == 1


def test_inputs_are_held_against_the_versions_schema(stack: LocalStack) -> None:
    """A missing, unknown or wrong input is named, and nothing starts (F20)."""
    RAN.clear()
    local_report.deploy(stack=stack)
    client = kitaru.KitaruClient(stack).deployments
    wrong: list[tuple[dict[str, object], str]] = [
        ({}, "'topic' is a required property"),
        ({"topic": 5}, r"inputs\.topic: 5"),
        ({"topic": "tea", "colour": "red"}, "'colour'"),
        ({"topic": "tea", "style": {"colour": 5}}, "colour"),
    ]
    for given, named in wrong:
        with pytest.raises(KitaruUsageError, match=named):
            client.invoke(flow="local_report", inputs=given)
    assert RAN == []
    with pytest.raises(KitaruUsageError, match="'pages'"):
        local_report.deploy(pages="many", stack=stack)
    assert len(local_report.deployments(stack=stack)) == 1


def test_versions_go_and_numbers_stay(stack: LocalStack) -> None:
    """A version with an exclusive tag is not deleted, a deleted one is gone, and its number is not used again."""
    first = local_report.deploy(topic="tea", stack=stack)
    with pytest.raises(KitaruStateError, match="exclusive tag 'default'"):
        first.delete()
    second = local_report.deploy(topic="milk", tags={"old": False}, stack=stack)
    running = second.invoke()
    second.delete()
    assert running.wait() == "on milk, plain, 1"
    with pytest.raises(LookupError, match="no version 2"):
        second.invoke()
    assert local_report.deploy(stack=stack).version == 3


def test_tags_move_and_go(stack: LocalStack) -> None:
    """Each change returns the version anew; `default` can be moved and not removed."""
    first = local_report.deploy(topic="tea", stack=stack)
    second = local_report.deploy(topic="milk", stack=stack)
    assert second.add_tag("default").tags == {"default": True}
    assert local_report.deployment(version=1, stack=stack).tags == {}
    assert first.add_tag("canary").remove_tag("canary").tags == {}
    with pytest.raises(KitaruUsageError, match="cannot be removed"):
        second.remove_tag("default")


def test_threads_that_deploy_at_once_get_numbers_of_their_own(stack: LocalStack) -> None:
    """Eight deploys at once are versions 1 to 8, one of them the default."""
    made: list[int] = []
    threads = [
        threading.Thread(target=lambda: made.append(local_report.deploy(topic="tea", stack=stack).version))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(made) == list(range(1, 9))
    assert [one.version for one in local_report.deployments(stack=stack) if "default" in one.tags] == [1]


def test_what_no_other_process_could_load_is_not_deployed(stack: LocalStack) -> None:
    """A flow inside a function, and one without a file, is refused with the remedy."""

    @kitaru.flow
    def inner() -> None:
        pass

    with pytest.raises(KitaruUsageError, match="at the top of a module"):
        inner.deploy(stack=stack)
    typed: dict[str, str | LocalStack] = {"__name__": "__console__", "stack": stack}
    console = InteractiveInterpreter(typed)
    console.runsource("import kitaru\n@kitaru.flow\ndef typed(): pass\n", "<stdin>", "exec")
    console.runsource(
        "try: typed.deploy(stack=stack)\nexcept ValueError as error: said = str(error)\n", "<stdin>", "exec"
    )
    assert "has no file" in str(typed["said"])


@pytest.mark.parametrize("verb", ["deploy", "invoke"])
def test_nothing_is_deployed_or_invoked_in_a_body(stack: LocalStack, verb: str) -> None:
    """A body that runs again would do it again: the error names the checkpoint as the place."""
    with pytest.raises(KitaruExecutionError) as caught:
        nested.run(verb, stack=stack).wait()
    assert isinstance(caught.value.__cause__, KitaruContextError)
    assert f".{verb}() is not allowed in a flow's body" in str(caught.value.__cause__)

"""What holds for an execution: its own settings, the decorator's, the process's; and what is kept of them."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import kitaru
from kitaru import config
from kitaru.client import KitaruClient
from kitaru.config import FrozenExecutionSpec, ImageSettings
from kitaru.connect import LocalStack
from kitaru.errors import KitaruExecutionError, KitaruUsageError


@kitaru.flow
def bare(number: int = 1) -> int:
    """Return the number."""
    return number


@kitaru.flow(retries=2, cache=False, timeout=60, image={"base_image": "agents:1", "environment": {"API_KEY": "x"}})
def dressed() -> None:
    """Do nothing."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    """A configuration of the test's own: no variable of ours but its folder, nothing configured in the process."""
    folder = tmp_path / "config"
    folder.mkdir()
    before = dict(os.environ)
    for name in before:
        if name.startswith("KITARU_"):
            del os.environ[name]
    os.environ[config.KITARU_CONFIG_PATH_ENV] = str(folder)
    yield folder
    os.environ.clear()
    os.environ.update(before)
    kitaru.configure(stack=None, image=None, cache=None, retries=None, timeout=None, project=None)


def _kept(stack: LocalStack, exec_id: str) -> FrozenExecutionSpec:
    kept = KitaruClient(stack).executions.get(exec_id).frozen_execution_spec
    assert kept is not None
    return kept


def test_defaults(stack: LocalStack) -> None:
    """Without any setting: the local stack, no image, cache on, no retries, no limit (F11)."""
    shown = _kept(stack, bare.run(stack=stack).exec_id).resolved_execution
    assert (shown.stack, shown.image, shown.cache, shown.retries, shown.timeout) == ("local", None, True, 0, None)


def test_a_call_stands_above_the_decorator(stack: LocalStack) -> None:
    """What `.run()` is given wins, field by field (F10)."""
    decorated = _kept(stack, dressed.run(stack=stack).exec_id).resolved_execution
    assert (decorated.retries, decorated.cache, decorated.timeout) == (2, False, 60)
    asked = _kept(stack, dressed.run(stack=stack, retries=3, cache=True, image="agents:2").exec_id).resolved_execution
    assert (asked.retries, asked.cache, asked.timeout) == (3, True, 60)
    assert asked.image == ImageSettings(base_image="agents:2", environment={"API_KEY": "***"})


def test_the_stack_of_the_highest_layer_is_used() -> None:
    """Run > decorator > configure > KITARU_STACK: an unknown name is refused by name (F13)."""

    @kitaru.flow(stack="decorated")
    def elsewhere() -> None:
        pass

    kitaru.configure(stack="configured")
    with pytest.raises(KitaruUsageError, match="no stack 'asked'"):
        elsewhere.run(stack="asked")
    with pytest.raises(KitaruUsageError, match="no stack 'decorated'"):
        elsewhere.run()
    with pytest.raises(KitaruUsageError, match="no stack 'configured'"):
        bare.run()


def test_a_stack_for_one_execution_leaves_the_default_alone(folder: Path) -> None:
    """The active stack is the same before and after (F4)."""
    (folder / config.FILE).write_text(
        "active_stack: prod\nstacks: {prod: {type: kubernetes, bucket: b}}\n", encoding="utf-8"
    )
    assert bare.run(3, stack="local").wait() == 3
    assert config.load().stack == "prod"


def test_what_was_resolved_is_kept_from_the_start(stack: LocalStack) -> None:
    """A running execution shows it, and secrets in it are masked, also where they lie."""
    go = threading.Event()

    @kitaru.flow(image={"environment": {"API_KEY": "hidden", "URL": "https://me:hidden@example.com"}})
    def held() -> bool:
        return go.wait(10)

    kitaru.configure(project="spring")
    handle = held.run(stack=stack)
    kept = _kept(stack, handle.exec_id)
    body = stack.executions.store.get(stack.executions.locate(handle.exec_id).paths.spec)
    go.set()
    assert handle.wait() is True
    assert kept.version == 1
    assert kept.resolved_execution.image == ImageSettings(
        environment={"API_KEY": "***", "URL": "https://me:***@example.com"}
    )
    assert (kept.flow_defaults.image, kept.flow_defaults.retries) == (kept.resolved_execution.image, None)
    assert (kept.connection.project, kept.connection.server_url, kept.model_registry) == ("spring", None, None)
    assert body is not None
    assert b"hidden" not in body


def test_a_failed_execution_has_it_too(stack: LocalStack) -> None:
    """What was resolved can be seen where it is needed most."""

    @kitaru.flow(retries=1)
    def failing() -> None:
        raise ValueError

    handle = failing.run(stack=stack)
    with pytest.raises(KitaruExecutionError):
        handle.wait()
    assert _kept(stack, handle.exec_id).resolved_execution.retries == 1


def test_retries_of_any_layer_run_the_body_again(stack: LocalStack) -> None:
    """A body that raised runs again as often as the settings say, finished calls reused (F19)."""
    seen: list[int] = []

    @kitaru.checkpoint
    def once() -> int:
        seen.append(0)
        return 1

    @kitaru.flow
    def failing() -> None:
        once()
        seen.append(1)
        raise ValueError

    os.environ[config.KITARU_RETRIES_ENV] = "2"
    with pytest.raises(KitaruExecutionError):
        failing.run(stack=stack).wait()
    assert seen == [0, 1, 1, 1]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        pytest.param(lambda: bare.run(retries=-1), r"Flow retries must be >= 0\.", id="retries"),
        pytest.param(lambda: bare.run(image={"base": "x"}), "image has no field 'base'", id="image"),
        pytest.param(lambda: bare.run(image=""), "image: base_image is wrong", id="empty-image"),
        pytest.param(lambda: bare.run(stack=""), r"bare\.run\(\): stack is '': give a name", id="stack"),
        pytest.param(lambda: kitaru.flow(timeout=-1)(lambda: None), "timeout", id="timeout"),
        pytest.param(lambda: kitaru.flow(retries=-1)(lambda: None), r"Flow retries must be >= 0\.", id="decorator"),
    ],
)
def test_a_wrong_setting_starts_nothing(folder: Path, call: Callable[[], object], told: str) -> None:
    """It is refused by name before anything is written (F18)."""
    with pytest.raises(KitaruUsageError, match=told):
        call()
    assert list(folder.iterdir()) == []


def test_a_wrong_variable_starts_nothing(folder: Path) -> None:
    """The environment is read before anything is written."""
    os.environ[config.KITARU_CACHE_ENV] = "maybe"
    with pytest.raises(KitaruUsageError, match="KITARU_CACHE is 'maybe'"):
        bare.run()
    assert list(folder.iterdir()) == []


def test_a_flow_keeps_parameters_of_its_own_that_are_called_like_settings(stack: LocalStack) -> None:
    """They are inputs, by position and by name; the settings can come from the other layers."""

    @kitaru.flow(retries=1)
    def picture(image: str, cache: str = "warm", retries: int = 7) -> tuple[str, str, int]:
        return image, cache, retries

    handle = picture.run("cat.png", "cold", stack=stack)
    assert handle.wait() == ("cat.png", "cold", 7)
    assert picture.run(image="dog.png", retries=9, stack=stack).wait() == ("dog.png", "warm", 9)
    shown = _kept(stack, handle.exec_id).resolved_execution
    assert (shown.image, shown.cache, shown.retries) == (None, True, 1)

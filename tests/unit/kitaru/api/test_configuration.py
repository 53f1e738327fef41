"""Where settings are configured: configure(), the environment, pyproject.toml, and which of them holds."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import kitaru
from kitaru import config
from kitaru.config import ImageSettings, KitaruConfig
from kitaru.errors import KitaruUsageError

PROJECT = """
[tool.kitaru]
stack = "project"
cache = false
retries = 2
timeout = 60
[tool.kitaru.image]
base_image = "project:1"
apt_packages = ["git"]
environment = {PORT = "80", HOST = "a"}
"""


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    """Take back what a test configures."""
    yield
    kitaru.configure(**dict.fromkeys(("stack", "image", "cache", "retries", "timeout", "project")))


def _load(folder: Path, project: str = "", **environment: str) -> config.Configuration:
    (folder / "pyproject.toml").write_text(project, encoding="utf-8")
    return config.load({"KITARU_CONFIG_PATH": str(folder / "config"), **environment}, folder)


def _active(folder: Path, stack: str) -> None:
    (folder / "config").mkdir()
    (folder / "config" / config.FILE).write_text(f"active_stack: {stack}\n", encoding="utf-8")


def test_the_stack_is_that_of_the_highest_layer(tmp_path: Path) -> None:
    """What is configured > KITARU_STACK > [tool.kitaru] > active stack > local (F13)."""
    assert _load(tmp_path).stack == "local"
    _active(tmp_path, "active")
    assert _load(tmp_path).stack == "active"
    assert _load(tmp_path, PROJECT).stack == "project"
    assert _load(tmp_path, PROJECT, KITARU_STACK="environment").stack == "environment"
    kitaru.configure(stack="configured")
    assert _load(tmp_path, PROJECT, KITARU_STACK="environment").stack == "configured"
    kitaru.configure(stack=None)
    assert _load(tmp_path, PROJECT, KITARU_STACK="environment").stack == "environment"


def test_each_setting_is_resolved_for_itself(tmp_path: Path) -> None:
    """A layer that says one thing leaves the others to those below; images merge."""
    kitaru.configure(retries=0)
    image = '{"base_image": "environment:2", "environment": {"HOST": "b"}}'
    chosen = _load(tmp_path, PROJECT, KITARU_CACHE="on", KITARU_IMAGE=image).settings
    assert (chosen.stack, chosen.cache, chosen.retries, chosen.timeout) == ("project", True, 0, 60.0)
    assert chosen.image == ImageSettings(
        base_image="environment:2", apt_packages=["git"], environment={"PORT": "80", "HOST": "b"}
    )


def test_configure_keeps_what_is_not_given() -> None:
    """Each call changes what it names, and returns what is set now."""
    kitaru.configure(cache=False, image="agents:1")
    assert kitaru.configure(retries=3) == KitaruConfig(
        cache=False, retries=3, image=ImageSettings(base_image="agents:1")
    )
    assert kitaru.configure(cache=None, image=None, project="p") == KitaruConfig(retries=3, project="p")


def test_what_configure_refuses_changes_nothing() -> None:
    """A wrong field leaves the right ones unset too."""
    with pytest.raises(KitaruUsageError, match=r"kitaru\.configure\(\): retries is -1: .*Flow retries must be >= 0\."):
        kitaru.configure(cache=False, retries=-1)
    assert kitaru.configure() == KitaruConfig()


@pytest.mark.parametrize("word", ["true", "1", "t", "Y", "yes", "ON"])
def test_words_for_true(tmp_path: Path, word: str) -> None:
    """KITARU_CACHE takes the usual words, in any case."""
    assert _load(tmp_path, KITARU_CACHE=word).settings.cache is True


@pytest.mark.parametrize("word", ["false", "0", "f", "N", "no", "OFF"])
def test_words_for_false(tmp_path: Path, word: str) -> None:
    """KITARU_CACHE takes the opposites of the usual words."""
    assert _load(tmp_path, KITARU_CACHE=word).settings.cache is False


def test_the_environment_has_all_settings(tmp_path: Path) -> None:
    """Numbers are read as numbers, an image may be its name alone."""
    chosen = _load(
        tmp_path, KITARU_RETRIES="2", KITARU_TIMEOUT="1.5", KITARU_IMAGE="agents:1", KITARU_PROJECT="p"
    ).settings
    assert chosen == KitaruConfig(
        stack="local", retries=2, timeout=1.5, image=ImageSettings(base_image="agents:1"), project="p"
    )


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("KITARU_CACHE", "maybe", "KITARU_CACHE is 'maybe': set it to true or false."),
        ("KITARU_CACHE", "", "KITARU_CACHE is '': set it to true or false."),
        ("KITARU_RETRIES", "two", "KITARU_RETRIES is 'two': give a whole number"),
        ("KITARU_RETRIES", "-1", "KITARU_RETRIES is -1: give a whole number"),
        ("KITARU_RETRIES", "1.5", "KITARU_RETRIES is 1.5: give a whole number"),
        ("KITARU_TIMEOUT", "soon", "KITARU_TIMEOUT is 'soon': give seconds"),
        ("KITARU_IMAGE", " ", "KITARU_IMAGE is empty: give an image's name or a JSON object, or unset it."),
        ("KITARU_IMAGE", "{", "KITARU_IMAGE is not JSON"),
        ("KITARU_IMAGE", '{"base": 1}', "KITARU_IMAGE: an image has no field 'base'"),
        ("KITARU_RUNNER", "x", "KITARU_RUNNER is called KITARU_STACK now: rename it."),
    ],
)
def test_a_wrong_variable_is_refused_by_name(tmp_path: Path, name: str, value: str, told: str) -> None:
    """The message is one sentence that names the variable and the remedy."""
    with pytest.raises(KitaruUsageError) as caught:
        _load(tmp_path, **{name: value})
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(
            "[tool.kitaru]\nretrys = 2", "[tool.kitaru] has no setting 'retrys': it takes stack", id="unknown"
        ),
        pytest.param("[tool.kitaru]\nproject = 'p'", "has no setting 'project'", id="no-label"),
        pytest.param("[tool.kitaru]\nrunner = 'x'", "runner in [tool.kitaru] is called stack now", id="renamed"),
        pytest.param("[tool.kitaru]\nretries = '2'", "[tool.kitaru]: retries is '2': give a whole number", id="type"),
        pytest.param(
            "[tool.kitaru.image]\nbase = 'x'", "[tool.kitaru]: image: an image has no field 'base'", id="image"
        ),
        pytest.param("tool = 3", "tool is no table: write [tool.kitaru].", id="no-table"),
        pytest.param("[tool]\nkitaru = 3", "tool.kitaru is no table: write [tool.kitaru].", id="no-table-of-ours"),
        pytest.param("[tool", "is not TOML", id="no-toml"),
    ],
)
def test_a_wrong_project_file_is_refused_by_field(tmp_path: Path, text: str, told: str) -> None:
    """The message names the file, the field and the remedy."""
    with pytest.raises(KitaruUsageError) as caught:
        _load(tmp_path, text)
    assert told in str(caught.value)
    assert str(tmp_path / "pyproject.toml") in str(caught.value)


def test_the_nearest_project_file_counts_alone(tmp_path: Path) -> None:
    """It is looked for from a folder upwards; those further up say nothing."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    environment = {"KITARU_CONFIG_PATH": str(tmp_path / "config")}
    (tmp_path / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    assert config.load(environment, inner).stack == "project"
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    assert config.load(environment, inner).stack == "local"


def test_a_project_file_is_read_again_when_it_changed(tmp_path: Path) -> None:
    """However soon it changes, and though it is as long as before."""
    for number in (1, 2, 1):
        assert _load(tmp_path, f"[tool.kitaru]\nretries = {number}").settings.retries == number


def test_a_working_folder_that_was_removed_has_no_project_file(tmp_path: Path) -> None:
    """A process whose folder is gone still runs flows."""
    before = Path.cwd()
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    try:
        assert config.load({"KITARU_CONFIG_PATH": str(tmp_path)}).stack == "local"
    finally:
        os.chdir(before)

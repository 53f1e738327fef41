"""What the user configured."""

from pathlib import Path

import pytest

from kitaru import config
from kitaru.errors import KitaruUsageError

STACK = """
active_stack: prod
stacks:
  prod:
    type: kubernetes
    context: eu
    namespace: agents
    bucket: journal
    endpoint: https://s3.example.com
    credentials:
      access_key_id: me
      secret_access_key: hidden
"""


def _load(folder: Path, text: str | None = None, **more: str) -> config.Configuration:
    if text is not None:
        (folder / config.FILE).write_text(text, encoding="utf-8")
    return config.load({"KITARU_CONFIG_PATH": str(folder), **more})


def test_without_a_file_there_is_the_local_stack(tmp_path: Path) -> None:
    """A fresh machine needs no configuration."""
    loaded = _load(tmp_path / "none")
    assert (loaded.stack, dict(loaded.stacks)) == (config.LOCAL, {})
    assert loaded.folder == tmp_path / "none"


@pytest.mark.parametrize("environment", [{}, {"KITARU_CONFIG_PATH": ""}], ids=["unset", "empty"])
def test_the_folder_is_the_systems_own_by_default(environment: dict[str, str]) -> None:
    """Without KITARU_CONFIG_PATH the folder is that of a user's configuration."""
    assert config.load(environment).folder.name == "kitaru"


@pytest.mark.parametrize(
    ("more", "stack"),
    [
        pytest.param({}, "prod", id="the-file's"),
        pytest.param({"KITARU_STACK": ""}, "prod", id="empty-is-unset"),
        pytest.param({"KITARU_STACK": "local"}, "local", id="the-environment's"),
    ],
)
def test_the_environment_names_the_stack_before_the_file(tmp_path: Path, more: dict[str, str], stack: str) -> None:
    """KITARU_STACK stands above active_stack."""
    assert _load(tmp_path, STACK, **more).stack == stack


def test_a_kubernetes_stack_is_read_with_its_credentials(tmp_path: Path) -> None:
    """A stack names its context, namespace, bucket, endpoint and keys, and shows no secret."""
    stack = _load(tmp_path, STACK).kubernetes("prod")
    assert (stack.context, stack.namespace, stack.bucket) == ("eu", "agents", "journal")
    assert stack.credentials is not None
    assert stack.credentials.secret_access_key.get_secret_value() == "hidden"
    assert "hidden" not in repr(stack)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(
            STACK.replace("bucket:", "bukcet:"),
            "stacks.prod.bucket is missing: add it.",
            id="missing",
        ),
        pytest.param(
            STACK + "    colour: red\n".replace("    ", "  ", 1),
            "stacks.colour",
            id="stray-stack",
        ),
        pytest.param(
            STACK + "active: prod\n",
            "active is no known field: remove it, or correct its spelling.",
            id="unknown",
        ),
        pytest.param("version: 2", "version is wrong: input should be 1.", id="newer-file"),
        pytest.param("- a", "the file is wrong", id="no-mapping"),
        pytest.param("a: [", "is not YAML", id="no-yaml"),
    ],
)
def test_a_wrong_file_is_refused_by_field(tmp_path: Path, text: str, told: str) -> None:
    """The message names the file and the field, in one sentence."""
    with pytest.raises(KitaruUsageError) as caught:
        _load(tmp_path, text)
    assert told in str(caught.value)
    assert str(tmp_path / config.FILE) in str(caught.value)


def test_an_unknown_stack_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    """The message lists the stacks that can be named."""
    with pytest.raises(KitaruUsageError, match="local, prod"):
        _load(tmp_path, STACK).kubernetes("staging")


def test_a_path_to_a_file_is_refused(tmp_path: Path) -> None:
    """KITARU_CONFIG_PATH names a folder."""
    (tmp_path / "f").touch()
    with pytest.raises(KitaruUsageError, match="set it to the folder"):
        _load(tmp_path / "f")

"""What the user configured: the only reader of `KITARU_*`, of `pyproject.toml` and of the file `kitaru.yaml`.

`[tool.kitaru]` of the nearest `pyproject.toml`, from the working folder upwards, has the settings of a project:

    [tool.kitaru]
    stack = "production"
    cache = false
    retries = 2
    timeout = 3600.0                        # seconds
    image = "registry.example.com/agents:1" # or a table: the fields of ImageSettings

`kitaru.yaml` has what is the user's own. It lies in the folder that `KITARU_CONFIG_PATH` names, else in the operating
system's folder for a user's configuration (`~/.config/kitaru` on Linux), beside the local store:

    version: 1
    active_stack: production
    stacks:
      production:
        type: kubernetes
        context: prod-eu                    # of the kubeconfig; its current one by default
        kubeconfig: ~/.kube/config          # $KUBECONFIG, then this, by default
        namespace: agents
        bucket: agents-journal
        endpoint: https://s3.example.com    # Amazon's own by default
        region: eu-central-1
        prefix: kitaru                      # must be the chart's `s3.prefix`
        credentials:                        # boto3's own sources by default
          access_key_id: AKIA…
          secret_access_key: …

The stack `local` is always there and is not listed.
"""

from __future__ import annotations

import functools
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import platformdirs
import pydantic
import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from kitaru.core import images, settings
from kitaru.core.frozen import FrozenExecutionSpec, ResolvedConnectionConfig, ResolvedExecutionConfig
from kitaru.core.images import ImageInput, ImageSettings
from kitaru.core.settings import KitaruConfig
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError
from kitaru.settings import configure, configured

__all__ = [
    "FILE",
    "KITARU_CACHE_ENV",
    "KITARU_CONFIG_PATH_ENV",
    "KITARU_IMAGE_ENV",
    "KITARU_PROJECT_ENV",
    "KITARU_RETRIES_ENV",
    "KITARU_STACK_ENV",
    "KITARU_TIMEOUT_ENV",
    "LOCAL",
    "Configuration",
    "Credentials",
    "FrozenExecutionSpec",
    "ImageInput",
    "ImageSettings",
    "KitaruConfig",
    "KubernetesStack",
    "ResolvedConnectionConfig",
    "ResolvedExecutionConfig",
    "configure",
    "load",
]

#: The stack of this computer: no cluster, no server.
LOCAL: Final = "local"
FILE: Final = "kitaru.yaml"

KITARU_CONFIG_PATH_ENV: Final = "KITARU_CONFIG_PATH"
KITARU_STACK_ENV: Final = "KITARU_STACK"
KITARU_IMAGE_ENV: Final = "KITARU_IMAGE"
KITARU_CACHE_ENV: Final = "KITARU_CACHE"
KITARU_RETRIES_ENV: Final = "KITARU_RETRIES"
KITARU_TIMEOUT_ENV: Final = "KITARU_TIMEOUT"
KITARU_PROJECT_ENV: Final = "KITARU_PROJECT"

_PYPROJECT: Final = "pyproject.toml"
#: What `[tool.kitaru]` takes: a label of one's own does not belong into a file of all.
_OF_A_PROJECT: Final = frozenset(settings.NAMES) - {"project"}
_TRUE: Final = frozenset({"true", "1", "t", "y", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "f", "n", "no", "off"})

_Text = Annotated[str, Field(min_length=1)]
_StackName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=63)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Credentials(_Section):
    """Keys of the object store. They never reach the cluster: its pods have their own."""

    access_key_id: _Text
    secret_access_key: SecretStr
    session_token: SecretStr | None = None


class KubernetesStack(_Section):
    """A namespace of a cluster, and the bucket in which its journals lie."""

    type: Literal["kubernetes"]
    bucket: _Text
    context: _Text | None = None
    kubeconfig: Path | None = None
    namespace: _Text = "default"
    endpoint: _Text | None = None
    region: _Text | None = None
    prefix: str = ""
    credentials: Credentials | None = None


class _File(_Section):
    version: Literal[1] = 1
    active_stack: _StackName = LOCAL
    stacks: dict[_StackName, KubernetesStack] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What holds now. `folder` keeps the local store.

    `settings` is what `kitaru.configure`, the environment, the project and the user's file come to, and `stack` the
    stack of it: that of whoever names none.
    """

    folder: Path
    settings: KitaruConfig
    stacks: Mapping[str, KubernetesStack]

    @property
    def stack(self) -> str:
        """The stack of whoever names none."""
        return self.settings.stack or LOCAL

    def kubernetes(self, name: str) -> KubernetesStack:
        """Return the stack of this name, or raise `KitaruUsageError` naming those that exist."""
        stack = self.stacks.get(name)
        if stack is None:
            known = ", ".join([LOCAL, *sorted(self.stacks)])
            message = (
                f"There is no stack {name!r}: use one of {known}, or add it under `stacks` in {self.folder / FILE}."
            )
            raise KitaruUsageError(message)
        return stack


def load(environment: Mapping[str, str] = os.environ, project: Path | None = None) -> Configuration:
    """Return the configuration of this moment; without any, the local stack alone.

    `project` is the folder from which `pyproject.toml` is looked for, the working folder by default.
    Raises `KitaruUsageError` naming the variable, or the file and the field, that is wrong.
    """
    folder = _folder(environment)
    file = _read(folder / FILE)
    chosen = settings.resolve(
        configured(),
        _from_environment(environment),
        _from_project(project),
        KitaruConfig(stack=file.active_stack),
    )
    return Configuration(folder=folder, settings=chosen, stacks=file.stacks)


def _from_environment(environment: Mapping[str, str]) -> KitaruConfig:
    if "KITARU_RUNNER" in environment:
        message = f"KITARU_RUNNER is called {KITARU_STACK_ENV} now: rename it."
        raise KitaruUsageError(message)
    cache = environment.get(KITARU_CACHE_ENV)
    retries = environment.get(KITARU_RETRIES_ENV)
    timeout = environment.get(KITARU_TIMEOUT_ENV)
    image = environment.get(KITARU_IMAGE_ENV)
    return KitaruConfig(
        stack=environment.get(KITARU_STACK_ENV) or None,
        image=None if image is None else images.read(KITARU_IMAGE_ENV, _image(image)),
        cache=None if cache is None else _truth(cache),
        retries=None if retries is None else settings.retries(KITARU_RETRIES_ENV, _number(retries)),
        timeout=None if timeout is None else settings.seconds(KITARU_TIMEOUT_ENV, _number(timeout)),
        project=environment.get(KITARU_PROJECT_ENV) or None,
    )


def _image(text: str) -> UserValue:
    """Return an image's name as it is, and the mapping that a JSON object is."""
    if not text.strip():
        message = f"{KITARU_IMAGE_ENV} is empty: give an image's name or a JSON object, or unset it."
        raise KitaruUsageError(message)
    if not text.lstrip().startswith("{"):
        return text.strip()
    try:
        return json.loads(text)
    except ValueError as error:
        message = f"{KITARU_IMAGE_ENV} is not JSON ({error}): give an image's name or a JSON object."
        raise KitaruUsageError(message) from error


def _truth(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        message = f"{KITARU_CACHE_ENV} is {text!r}: set it to true or false."
        raise KitaruUsageError(message)
    return word in _TRUE


def _number(text: str) -> UserValue:
    """Return the number that stands there, the text itself where none does: whoever wants one refuses it."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _from_project(folder: Path | None) -> KitaruConfig:
    """Return what the nearest `pyproject.toml` says, in `folder` or above it."""
    try:
        start = Path.cwd() if folder is None else folder
    except FileNotFoundError:
        return KitaruConfig()  # the working folder was removed under us
    for place in (start, *start.parents):
        path = place / _PYPROJECT
        text = _text(path)
        if text is not None:
            return _project(path, text)
    return KitaruConfig()


@functools.lru_cache(maxsize=8)
def _project(path: Path, text: str) -> KitaruConfig:
    """Return what the file of this text says."""
    try:
        content: UserValue = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{path} is not TOML: {error}."
        raise KitaruUsageError(message) from error
    for name in ("tool", "kitaru"):
        content = content.get(name, {})
        if not images.is_mapping(content):
            message = f"{path}: {'tool' if name == 'tool' else 'tool.kitaru'} is no table: write [tool.kitaru]."
            raise KitaruUsageError(message)
    if "runner" in content:
        message = f"{path}: runner in [tool.kitaru] is called stack now: rename it."
        raise KitaruUsageError(message)
    unknown = sorted(content.keys() - _OF_A_PROJECT)
    if unknown:
        known = ", ".join(name for name in settings.NAMES if name in _OF_A_PROJECT)
        message = f"{path}: [tool.kitaru] has no setting {unknown[0]!r}: it takes {known}."
        raise KitaruUsageError(message)
    return settings.layer(f"{path}: [tool.kitaru]", content)


def _folder(environment: Mapping[str, str]) -> Path:
    named = environment.get(KITARU_CONFIG_PATH_ENV)
    if not named:
        return platformdirs.user_config_path("kitaru", appauthor=False)
    folder = Path(named).expanduser().absolute()
    if folder.is_file():
        message = f"KITARU_CONFIG_PATH names the file {folder}: set it to the folder of {FILE}."
        raise KitaruUsageError(message)
    return folder


def _text(path: Path) -> str | None:
    """Return what the file holds, None if there is no such file.

    It is read each time, and only what it says is remembered by its text: a file that is changed within the clock's
    grain cannot be told by its time.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read ({error}): make it a readable file in UTF-8."
        raise KitaruUsageError(message) from error


def _read(path: Path) -> _File:
    text = _text(path)
    return _File() if text is None else _parsed(path, text)


@functools.lru_cache(maxsize=8)
def _parsed(path: Path, text: str) -> _File:
    """Return what the file of this text says."""
    try:
        content: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        place = " ".join(str(error).split())
        message = f"{path} is not YAML: {place}."
        raise KitaruUsageError(message) from error
    try:
        return _File.model_validate({} if content is None else content)
    except pydantic.ValidationError as error:
        message = f"{path}: {_sentence(error)}"
        raise KitaruUsageError(message) from error


def _sentence(error: pydantic.ValidationError) -> str:
    """Say the first problem in one sentence that names the field and the remedy."""
    problem = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in problem["loc"]) or "the file"
    match problem["type"]:
        case "extra_forbidden":
            return f"{field} is no known field: remove it, or correct its spelling."
        case "missing":
            return f"{field} is missing: add it."
        case _:
            return f"{field} is wrong: {problem['msg'][:1].lower()}{problem['msg'][1:]}."

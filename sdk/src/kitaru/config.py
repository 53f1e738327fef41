"""What the user configured: the only reader of `KITARU_*` and of the file `kitaru.yaml`.

The file lies in the folder that `KITARU_CONFIG_PATH` names, else in the operating system's folder
for a user's configuration (`~/.config/kitaru` on Linux), beside the local store:

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

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import platformdirs
import pydantic
import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from kitaru.errors import KitaruUsageError

#: The stack of this computer: no cluster, no server.
LOCAL: Final = "local"
FILE: Final = "kitaru.yaml"

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
    """What holds now. `folder` keeps the local store; `stack` is used by whoever names none."""

    folder: Path
    stack: str
    stacks: Mapping[str, KubernetesStack]

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


def load(environment: Mapping[str, str] = os.environ) -> Configuration:
    """Return the configuration of this moment; without a file, the local stack alone.

    Raises `KitaruUsageError` naming the file and the field that is wrong.
    """
    folder = _folder(environment)
    file = _read(folder / FILE)
    stack = environment.get("KITARU_STACK") or file.active_stack
    return Configuration(folder=folder, stack=stack, stacks=file.stacks)


def _folder(environment: Mapping[str, str]) -> Path:
    named = environment.get("KITARU_CONFIG_PATH")
    if not named:
        return platformdirs.user_config_path("kitaru", appauthor=False)
    folder = Path(named).expanduser().absolute()
    if folder.is_file():
        message = f"KITARU_CONFIG_PATH names the file {folder}: set it to the folder of {FILE}."
        raise KitaruUsageError(message)
    return folder


def _read(path: Path) -> _File:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return _File()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read ({error}): make it a readable file in UTF-8."
        raise KitaruUsageError(message) from error
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

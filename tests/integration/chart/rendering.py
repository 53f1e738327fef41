"""The chart rendered by helm, without a cluster."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pydantic
import yaml
from pydantic import JsonValue

from kitaru_cluster import build, pins, shell

CHART: Final = Path(__file__).parents[3] / "charts" / "kitaru"
NEEDED: Final = ("image.repository=registry.example/kitaru-operator", "s3.bucket=flows")
#: What a cluster of 1.36 has and an older one has not.
MUTATING: Final = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"

Object = dict[str, JsonValue]
_OBJECTS: Final = pydantic.TypeAdapter(list[Object])


def helm(*arguments: str) -> tuple[int, str, str]:
    """Run helm and return its exit code, its output and its errors."""
    (folder,) = build.tools((pins.HELM,))
    return shell.attempt((str(folder / "helm"), *arguments), shell.Options(timeout=60))


def values(given: Sequence[str]) -> tuple[str, ...]:
    """Return the flags that give the values that the chart asks for, and more."""
    return tuple(f"--set={one}" for one in (*NEEDED, *given))


def rendered(*given: str, release: str = "kitaru", version: str = "1.36.0", api: Sequence[str] = ()) -> list[Object]:
    """Return the objects that the chart gives."""
    cluster = (f"--kube-version={version}", *(f"--api-versions={one}" for one in api))
    code, text, errors = helm("template", release, str(CHART), "-n=system", *cluster, *values(given))
    assert code == 0, errors
    return _OBJECTS.validate_python([one for one in yaml.safe_load_all(text) if one])


def named(objects: Sequence[Object]) -> set[tuple[str, str]]:
    """Return kind and name of each object."""
    return {(str(one["kind"]), str(at(one, "metadata", "name"))) for one in objects}


def of_kind(objects: Sequence[Object], kind: str) -> list[Object]:
    """Return the objects of a kind."""
    return [one for one in objects if one["kind"] == kind]


def at(value: JsonValue, *path: str | int) -> JsonValue:
    """Return what stands at a path within an object; None where there is nothing."""
    for part in path:
        if isinstance(value, dict) and isinstance(part, str):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
        else:
            return None
    return value

"""Classes of a script, in the process that runs it and in one that imports it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from kitaru.core import untagged
from kitaru.errors import KitaruSerializationError

_SCRIPT: Final = """
import dataclasses, enum, json, sys
from pathlib import Path
import pydantic
from kitaru.core import failures, hashing, values
from kitaru.core.codec import Codec
from kitaru.core.journal import Failure, Value

class Note(pydantic.BaseModel):
    text: str

@dataclasses.dataclass
class Point:
    x: int
    class Kind(enum.Enum):
        A = 1

class Plain:
    pass

class OddError(Exception):
    pass

VALUES = {"model": Note(text="a"), "data": Point(1), "enum": Point.Kind.A, "plain": [Plain(), Plain, lambda: Note]}

def write(folder):
    for name, value in VALUES.items():
        (folder / name).write_bytes(Codec(Value).encode(values.encode(value, name).keep()))
    (folder / "error").write_bytes(Codec(Failure).encode(failures.describe(OddError("x"))))
    (folder / "hash").write_text(hashing.of_arguments("call", {"v": [Note(text="a"), Point(1), Point.Kind.A]}))

def check(folder):
    kept = {name: Codec(Value).decode((folder / name).read_bytes()) for name in VALUES}
    made = {name: values.decode(one, allow_pickle=True) for name, one in kept.items()}
    assert made["model"] == VALUES["model"] and made["data"] == VALUES["data"], made
    assert made["enum"] is Point.Kind.A
    assert isinstance(made["plain"][0], Plain) and made["plain"][1] is Plain and made["plain"][2]() is Note
    assert type(failures.rebuild(Codec(Failure).decode((folder / "error").read_bytes()))) is OddError
    inputs = hashing.of_arguments("call", {"v": [Note(text="a"), Point(1), Point.Kind.A]})
    assert inputs == (folder / "hash").read_text()

if __name__ == "__main__":
    write(Path(sys.argv[1]))
    check(Path(sys.argv[1]))
"""


def _python(folder: Path, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.stderr


@pytest.mark.timeout(60)
@pytest.mark.parametrize("run", [["report.py"], ["-m", "report"]], ids=["file", "module"])
def test_a_script_s_classes_are_found(tmp_path: Path, run: list[str]) -> None:
    """What a script recorded comes back of the same classes where the script is imported instead."""
    (tmp_path / "report.py").write_text(_SCRIPT)
    assert not _python(tmp_path, *run, str(tmp_path))
    code = f"import pathlib; from report import check; check(pathlib.Path({str(tmp_path)!r}))"
    assert not _python(tmp_path, "-c", code)


def test_script_that_is_not_here() -> None:
    """Nothing can be installed for it, so the message does not say so."""
    with pytest.raises(KitaruSerializationError, match="Run or import the script that has it"):
        untagged.decode({"$kitaru": "enum", "class": "__main__.report:Nowhere"})

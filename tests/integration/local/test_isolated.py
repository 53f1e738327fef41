"""Isolated checkpoints in processes of their own, which end when they should."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.integration.local.programs import HELPERS, PATIENCE, Place, until

FLOWS: Final = f"""{HELPERS}
import logging
from dataclasses import dataclass

@dataclass
class Note:
    text: str

def tell():
    Path("child.tmp").write_text(str(os.getpid()))
    Path("child.tmp").rename("child")

@kitaru.checkpoint(runtime="isolated")
def annotate(note: Note) -> Note:
    print("printed by", kitaru.current_call().id)
    logging.getLogger("flows").warning("logged")
    return Note(note.text + "!")

@kitaru.checkpoint(runtime="isolated")
def stay() -> str:
    tell()
    hold("end")
    return "stayed"

@kitaru.checkpoint(runtime="isolated", retries=1)
def fragile() -> int:
    leave("fragile")
    if kitaru.current_call().number == 1:
        os.kill(os.getpid(), 9)
    return kitaru.current_call().number

@kitaru.checkpoint(runtime="isolated", timeout=1)
def endless() -> None:
    tell()
    while True:
        pass

@kitaru.flow
def staying():
    return stay()

@kitaru.flow
def noting() -> str:
    note = annotate(Note("hi"))
    return f"{{note.text}} {{type(note) is Note}}"

@kitaru.flow
def breaking() -> int:
    return fragile()

@kitaru.flow
def ending() -> str:
    try:
        endless()
    except TimeoutError as error:
        return str(error)
"""


def child(place: Place) -> int:
    """Return the process of a checkpoint that runs, once it does."""
    file = place.folder / "child"
    until(file.exists, "the checkpoint's process")
    return int(file.read_text())


def gone(process: int) -> None:
    """Return when the process has ended."""
    stat = Path(f"/proc/{process}/stat")
    until(lambda: not stat.exists() or stat.read_text().rpartition(") ")[2][0] in "ZX", f"the end of {process}")


def test_a_script_without_a_main_part_runs_it_once(place: Place) -> None:
    """The process of a checkpoint loads the script up to where it starts a flow; its classes are the same ones."""
    (place.folder / "script.py").write_text(f"{FLOWS}\nprint(noting.run().wait())\n", encoding="utf-8")
    printed = place.run("import runpy; runpy.run_path('script.py', run_name='__main__')")
    assert printed.splitlines() == ["printed by annotate", "hi! True"]


def test_a_modules_checkpoints_run_in_processes(place: Place) -> None:
    """What they print and log goes where the flow's process prints and logs."""
    place.has(FLOWS)
    program = (
        "import logging, sys; logging.basicConfig(stream=sys.stdout); import flows; print(flows.noting.run().wait())"
    )
    assert place.run(program).splitlines() == ["printed by annotate", "WARNING:flows:logged", "hi! True"]


def test_a_process_that_was_killed_is_tried_again(place: Place) -> None:
    """As the system does it that has no memory left."""
    place.has(FLOWS)
    assert place.run("import flows; print(flows.breaking.run().wait())") == "2"
    assert place.effects("fragile") == 2


def test_a_busy_loop_is_killed_in_time(place: Place) -> None:
    """Code that no thread could be rid of."""
    place.has(FLOWS)
    assert place.run("import flows; print(flows.ending.run().wait())") == "endless took longer than its timeout of 1 s."
    gone(child(place))


def test_it_dies_with_the_process_that_started_it(place: Place) -> None:
    """Also when that one cannot say goodbye."""
    place.has(FLOWS)
    with place.start("import flows; flows.staying.run().wait()") as parent:
        process = child(place)
        os.kill(parent.pid, signal.SIGKILL)
        gone(process)


def test_a_cancelled_execution_kills_it(place: Place) -> None:
    """At once; the execution shows as cancelled."""
    place.has(FLOWS)
    program = """
import flows, kitaru, time
from pathlib import Path
handle = flows.staying.run()
flows.time.sleep(0)
end = time.monotonic() + 20
while not Path("child").exists():
    assert time.monotonic() < end
    time.sleep(0.01)
print(kitaru.KitaruClient().executions.cancel(handle.exec_id).status)
"""
    assert place.run(program) == "cancelled"
    gone(child(place))


PACKAGED: Final = f"""{FLOWS}
from . import texts

@kitaru.checkpoint(runtime="isolated")
def mark(note: Note) -> Note:
    return Note(texts.marked(note.text))

@kitaru.flow
def marking() -> str:
    note = mark(Note("hi"))
    return f"{{note.text}} {{type(note) is Note}}"

print(marking.run().wait())
"""


def test_a_module_that_is_run_as_a_script(place: Place) -> None:
    """By `python -m`: its relative imports work in both processes, and its classes are the same ones."""
    package = place.folder / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "texts.py").write_text("def marked(text): return text + '?'\n", encoding="utf-8")
    (package / "main.py").write_text(PACKAGED, encoding="utf-8")
    program = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-m', 'package.main']))"
    assert place.run(program) == "hi? True"


@pytest.mark.parametrize("command", [["-"], ["-c"]], ids=["from stdin", "on the command line"])
def test_code_that_no_file_keeps_is_sent_along(place: Place, command: list[str]) -> None:
    """Its functions and classes are pickled."""
    code = f"{FLOWS}\nprint(noting.run().wait())\n"
    given = [sys.executable, *command, code] if command == ["-c"] else [sys.executable, *command]
    done = subprocess.run(
        given,
        input=code,
        cwd=place.folder,
        env=place.environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout.splitlines() == ["printed by annotate", "hi! True"], done.stderr

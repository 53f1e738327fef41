"""How fast the local stack is, beside the goals, a bare fsync'd commit, and what others take for the same program.

Usage: .venv/bin/python -m tests.bench.speed [--alone]

`make bench` runs it. Nothing is asserted: a busy machine makes all slower, so look at the ratios. Every program runs
several times in turns with the others, and takes a bare commit after each of its steps. Peers come from PyPI in
environments of their own under ~/.cache/kitaru-bench, in the versions of peers/*.txt; --alone leaves them out.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from tests.repo.test_import_weight import HEAVY

HERE: Final = Path(__file__).resolve().parent
PROGRAMS: Final = HERE / "programs"
PEERS: Final = HERE / "peers"
CACHE: Final = Path.home() / ".cache" / "kitaru-bench"
#: Seconds for installing a peer, and for one run of a program.
PATIENCE: Final = 300

#: What a program measured, in seconds, by its name.
Figures: TypeAlias = dict[str, list[float]]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much to do: steps and empty flows a round, checkpoints of a long flow, flows a process, imports."""

    rounds: int = 3
    steps: int = 300
    flows: int = 50
    many: int = 10_000
    started: int = 1000
    imports: int = 11


@dataclass(frozen=True)
class Subject:
    """A program and the Python that runs it."""

    name: str
    python: Path
    program: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


KITARU: Final = Subject("kitaru", Path(sys.executable), PROGRAMS / "kitaru_program.py")
#: Environment variables of each peer, {} its folder.
SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "dbos": {},
    "langgraph": {"LANGSMITH_TRACING": "false"},
    "prefect": {
        "PREFECT_HOME": "{}",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "DO_NOT_TRACK": "1",
    },
}
#: Lets Python keep compiled modules, whatever the one who runs the bench wishes: as an installed package has them.
COMPILED: Final = {"PYTHONDONTWRITEBYTECODE": ""}
#: Whose steps are on the disk when they return.
DURABLE: Final = ("dbos", "langgraph")
NOTES: Final = """
  step       a call of `n + 1`, from the call to the next line: what durability adds
  bare       INSERT of half a kilobyte in WAL mode, synchronous FULL, taken after each step by the same process
  dbos       on SQLite with WAL and synchronous FULL; as it comes it has a rollback journal, which is slower
  langgraph  a graph whose node follows itself, SqliteSaver, synchronous FULL, durability "sync"
  prefect    persist_result=True, its own server on SQLite (synchronous NORMAL: not durable, so no durable peer)
  kept       bytes by tracemalloc, after a collection
"""


class DoesNotRunError(Exception):
    """A program that does not install, or not run within its time."""


def main(sizes: Sizes, *, alone: bool) -> None:
    """Measure and print."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before, each figure in milliseconds\n")
    subjects, broken = [KITARU], dict[str, str]()
    for name in () if alone else SETTINGS:
        try:
            subjects.append(installed(name))
        except DoesNotRunError as error:
            broken[name] = str(error)
    with tempfile.TemporaryDirectory(prefix="kitaru-bench-") as folder:
        compare(measured(subjects, broken, Path(folder), sizes), broken)
        print()
        for row in ours(Path(folder), sizes):
            show(*row)
    print(f"\nload {os.getloadavg()[0]:.1f} after\n{NOTES}")


def installed(name: str) -> Subject:
    """Return a peer, installed in an environment of its own."""
    place, wanted = CACHE / name, PEERS / f"{name}.txt"
    python, stamp = place / "bin" / "python", place / "installed.txt"
    if not stamp.exists() or stamp.read_text() != wanted.read_text():
        uv = Path(sys.executable).with_name("uv")
        command([uv, "venv", "--quiet", "--clear", "--python", sys.executable, place], {})
        command([uv, "pip", "install", "--quiet", "--python", python, "-r", wanted], {})
        stamp.write_text(wanted.read_text())
    return Subject(name, python, PEERS / f"{name}_program.py", SETTINGS[name])


def command(arguments: Sequence[object], environment: Mapping[str, str], given: str = "") -> str:
    """Return what a command prints. Raises `DoesNotRunError`."""
    try:
        done = subprocess.run(
            [str(one) for one in arguments],
            env={**os.environ, "PYTHONPATH": str(PROGRAMS), **environment},
            input=given,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        message = f"took longer than {PATIENCE} s"
        raise DoesNotRunError(message) from error
    if done.returncode:
        raise DoesNotRunError((done.stderr.strip().splitlines() or ["it said nothing"])[-1])
    return done.stdout


def run(subject: Subject, folder: Path, *numbers: int) -> Figures:
    """Run a program in a new folder and return its figures."""
    place = Path(tempfile.mkdtemp(dir=folder))
    environment = {name: value.format(place) for name, value in subject.environment.items()}
    arguments = [subject.python, subject.program, place, *numbers]
    out = command(arguments, {"KITARU_CONFIG_PATH": str(place / "store"), **environment})
    found: Figures = json.loads(out.splitlines()[-1])
    return found


def measured(
    subjects: Sequence[Subject], broken: dict[str, str], folder: Path, sizes: Sizes
) -> dict[str, list[Figures]]:
    """Run all in turns, several times; who fails is out."""
    found: dict[str, list[Figures]] = {}
    for _ in range(sizes.rounds):
        for subject in subjects:
            if subject.name in broken:
                continue
            try:
                found.setdefault(subject.name, []).append(run(subject, folder, sizes.steps, sizes.flows))
            except DoesNotRunError as error:
                found.pop(subject.name, None)
                broken[subject.name] = str(error)
    return found


def compare(found: Mapping[str, list[Figures]], broken: Mapping[str, str]) -> None:
    """Print what all were asked, a column a subject."""
    steps = {name: joined(rounds, "step") for name, rounds in found.items()}
    bare = {name: joined(rounds, "bare") for name, rounds in found.items()}
    empty = {name: joined(rounds, "empty") for name, rounds in found.items()}
    names = list(found)
    print(f"{'':<38}{'goal':>8}" + "".join(f"{name:>11}" for name in names))
    table: list[tuple[str, str, dict[str, float]]] = [
        ("step, median", "0.6", {name: middle(steps[name]) * 1e3 for name in names}),
        ("step, p99", "3", {name: high(steps[name]) * 1e3 for name in names}),
        ("bare commit beside it, median", "", {name: middle(bare[name]) * 1e3 for name in names}),
        ("step / bare commit", "2.5", {name: middle(steps[name]) / middle(bare[name]) for name in names}),
        ("empty flow, start to result", "2", {name: middle(empty[name]) * 1e3 for name in names}),
    ]
    for what, goal, values in table:
        print(f"{what:<38}{goal:>8}" + "".join(f"{values[name]:>11.2f}" for name in names))
    for what, times in (
        ("", dict.fromkeys(names, 1.0)),
        (", each by its bare", {name: middle(bare[name]) for name in names}),
    ):
        durable = [middle(steps[name]) / times[name] for name in DURABLE if name in steps]
        if durable and "kitaru" in steps:
            ratio = min(durable) * times["kitaru"] / middle(steps["kitaru"])
            print(f"{'durable peer / kitaru' + what:<38}{'>= 2':>8}{ratio:>11.2f}")
    for name, why in broken.items():
        print(f"{name} is left out: {why}")


def ours(folder: Path, sizes: Sizes) -> list[tuple[str, str, str]]:
    """Return what only Kitaru is asked: what, the goal, and what was measured."""
    growth = run(Subject("growth", KITARU.python, PROGRAMS / "kitaru_growth.py"), folder, sizes.many, 0)
    left = run(Subject("flows", KITARU.python, PROGRAMS / "kitaru_flows.py"), folder, 1, sizes.started)
    imports = [imported() for _ in range(sizes.imports)]
    loaded = sorted(set(HEAVY).intersection(*(one[2] for one in imports)))
    grown = [
        (f"step, {what} checkpoints, median", "alike", f"{middle(seconds) * 1e3:.2f}")
        for what, seconds in growth.items()
        if what.startswith("after")
    ]
    return [
        *grown,
        ("reused checkpoint, median", "0.05", f"{middle(growth['reused']) * 1e3:.3f}"),
        (f"resumed attempt that reuses {sizes.many}", "1000", f"{growth['resumed'][0] * 1e3:.0f}"),
        ("one-checkpoint flows a second, 1 process", "", f"{rate(folder, 1, sizes.started):.0f}"),
        ("one-checkpoint flows a second, 2 processes", "500", f"{rate(folder, 2, sizes.started):.0f}"),
        ("bytes kept of a finished execution", "0", f"{left['finished'][0]:.0f}"),
        ("bytes kept of a parked execution", "0", f"{left['parked'][0]:.0f}"),
        ("import kitaru, median", "200", f"{middle([one[0] for one in imports]) * 1e3:.0f}"),
        ("import kitaru, processor time", "", f"{middle([one[1] for one in imports]) * 1e3:.0f}"),
        ("heavy libraries that it loads", "none", ", ".join(loaded) or "none"),
    ]


def rate(folder: Path, processes: int, flows: int) -> float:
    """Return the flows a second that so many processes finish together, over one store."""
    place = Path(tempfile.mkdtemp(dir=folder))
    environment = {**os.environ, "PYTHONPATH": str(PROGRAMS), "KITARU_CONFIG_PATH": str(place / "store")}
    arguments = [str(KITARU.python), str(PROGRAMS / "kitaru_flows.py"), str(place), "0", str(flows)]
    running = [
        subprocess.Popen(arguments, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for process in running:
        if process.stdout is not None:
            process.stdout.readline()  # it is ready
    began = time.time()
    for process in running:
        if process.stdin is not None:
            process.stdin.write("\n")
            process.stdin.flush()
    ended: list[float] = []
    for process in running:
        out, _ = process.communicate(timeout=PATIENCE)
        ended.extend(json.loads(out.splitlines()[-1])["ended"])
    return processes * flows / (max(ended) - began)


def imported() -> tuple[float, float, list[str]]:
    """Return the seconds and the processor's seconds of `import kitaru` in a new process, and what is loaded then."""
    program = """
import json, sys, time
began, used = time.perf_counter(), time.process_time()
import kitaru
print(json.dumps([time.perf_counter() - began, time.process_time() - used, list(sys.modules)]))
"""
    found: tuple[float, float, list[str]] = json.loads(command([sys.executable, "-c", program], COMPILED))
    return found


def joined(rounds: Sequence[Figures], name: str) -> list[float]:
    """Return a figure of all rounds."""
    return [one for figures in rounds for one in figures[name]]


def middle(seconds: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(seconds)


def high(seconds: Sequence[float]) -> float:
    """Return what one in a hundred is above."""
    return sorted(seconds)[int(len(seconds) * 0.99)]


def show(what: str, goal: str, value: str) -> None:
    """Print one line of what only Kitaru was asked."""
    print(f"{what:<43}{goal:>8}{value:>11}")


if __name__ == "__main__":
    main(Sizes(), alone="--alone" in sys.argv[1:])

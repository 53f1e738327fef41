"""Running a program to its end, with a bound, and with an error that quotes it."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kitaru_cluster.errors import ClusterError

_TAIL_CHARACTERS = 4000

# Put before a program that mounts: it dies with the caller, and its children and mounts with it.
CONTAINED = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
    *("--mount-proc", "--propagation", "private", "--"),
)


@dataclass(frozen=True, slots=True)
class Options:
    """How a program is run: its input, its bound in seconds, its folder and added environment."""

    text: str | None = None
    timeout: float = 60
    cwd: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])


def attempt(argv: Sequence[str], options: Options | None = None) -> tuple[int, str, str]:
    """Run a program and return its exit code, standard output and standard error.

    Raises ClusterError when it does not exist or does not end in time.
    """
    chosen = options or Options()
    try:
        done = subprocess.run(
            list(argv),
            input=chosen.text,
            stdin=subprocess.DEVNULL if chosen.text is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=chosen.timeout,
            cwd=chosen.cwd,
            env={**os.environ, **chosen.env},
        )
    except subprocess.TimeoutExpired as error:
        message = f"`{' '.join(argv)}` did not end within {chosen.timeout:g} s"
        raise ClusterError(message) from error
    except FileNotFoundError as error:
        message = f"there is no program {argv[0]}: {error}"
        raise ClusterError(message) from error
    return done.returncode, done.stdout, done.stderr


def run(argv: Sequence[str], options: Options | None = None) -> str:
    """Run a program and return its standard output.

    Raises ClusterError with the end of what it printed when it fails.
    """
    code, output, errors = attempt(argv, options)
    if code != 0:
        printed = (output + errors)[-_TAIL_CHARACTERS:]
        message = f"`{' '.join(argv)}` ended with {code}:\n{printed}"
        raise ClusterError(message)
    return output

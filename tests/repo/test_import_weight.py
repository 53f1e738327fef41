"""`import kitaru` is cheap."""

import subprocess
import sys
from typing import Final

HEAVY: Final = (
    "boto3",
    "botocore",
    "fastapi",
    "jsonschema",
    "kopf",
    "kubernetes",
    "numpy",
    "obstore",
    "pandas",
    "sqlalchemy",
    "typer",
)


def test_importing_kitaru_loads_nothing_heavy() -> None:
    """A program that imports Kitaru pays for no client, server or command line."""
    program = "import sys, kitaru; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert "kitaru" in loaded
    assert set(HEAVY).intersection(loaded) == set()

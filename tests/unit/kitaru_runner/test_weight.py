"""A runner starts with little."""

import subprocess
import sys
from typing import Final

#: What takes longer to import than a runner may take to start, or that its image does not have.
HEAVY: Final = ("boto3", "botocore", "jsonschema", "kopf", "kubernetes", "platformdirs", "sqlite3", "urllib3", "yaml")


def test_a_runner_imports_nothing_heavy() -> None:
    """All that is loaded before the flow is the engine, the journal and the store's client."""
    program = "import sys, kitaru_runner.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], timeout=30, check=True, capture_output=True, text=True)
    loaded = done.stdout.split()
    assert "obstore" in loaded
    assert set(HEAVY).intersection(loaded) == set()

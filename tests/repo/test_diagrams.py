"""What is drawn from the code is what the code says."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_diagram_of_phases_is_the_table() -> None:
    """docs/phases.md is what scripts/draw_phases.py makes of the table of phases."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "draw_phases.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stdout

"""What importing a backend costs: one must not bring another's library."""

import subprocess
import sys

import pytest

LIBRARIES = ("boto3", "botocore", "kubernetes", "obstore", "sqlite3")


@pytest.mark.parametrize(
    ("module", "brings"),
    [
        pytest.param("memory", [], id="memory"),
        pytest.param("sqlite", ["sqlite3"], id="sqlite"),
        pytest.param("obstore_store", ["obstore"], id="obstore"),
        pytest.param("boto3_store", ["boto3", "botocore"], id="boto3"),
    ],
)
def test_a_backend_brings_its_own_library_only(module: str, brings: list[str]) -> None:
    """A runner that writes through obstore never pays for boto3, nor the other way round."""
    program = f"""
import sys
import kitaru.backends.{module}
print(*sorted(set({LIBRARIES!r}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=30, check=True, capture_output=True, text=True)
    assert done.stdout.split() == brings

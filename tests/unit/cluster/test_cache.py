"""The cache of the test cluster: an entry is complete or absent, and made once."""

import subprocess
import sys
from pathlib import Path

import pytest

from kitaru_cluster import cache, pins

MAKER = """
import sys, time
from pathlib import Path
from kitaru_cluster import cache

def make(draft: Path) -> None:
    with open(sys.argv[1], "a") as log:
        log.write("made\\n")
    for part in range(20):
        (draft / str(part)).write_text("x")
        time.sleep(0.01)

print(len(list(cache.entry("kind", "key", make).iterdir())))
"""


def maker(folder: Path) -> subprocess.Popen[str]:
    """Start a process that makes an entry slowly, in a cache of its own."""
    return subprocess.Popen(
        (sys.executable, "-c", MAKER, str(folder / "log")),
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(pins.SOURCE), "KITARU_CLUSTER_CACHE": str(folder / "cache")},
    )


def test_two_processes_make_an_entry_once(tmp_path: Path) -> None:
    """Of two processes that need the same entry one makes it; both see all of it."""
    both = [maker(tmp_path) for _ in range(2)]
    assert [process.communicate(timeout=8)[0] for process in both] == ["20\n", "20\n"]
    assert (tmp_path / "log").read_text() == "made\n"


def test_a_killed_maker_leaves_no_entry(tmp_path: Path) -> None:
    """An entry whose maker was killed is made anew."""
    killed = maker(tmp_path)
    while not list(tmp_path.glob("cache/kind/.key-*/1")):
        assert killed.poll() is None
    killed.kill()
    killed.communicate(timeout=8)
    assert maker(tmp_path).communicate(timeout=8)[0] == "20\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("ab", "c"), ("a", "bc"), id="where a part ends"),
        pytest.param(("a",), ("a", ""), id="an empty part"),
        pytest.param(("a", "b"), ("b", "a"), id="the order"),
    ],
)
def test_a_digest_tells_its_parts_apart(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """Different parts have different digests."""
    assert cache.digest(*one) != cache.digest(*other)

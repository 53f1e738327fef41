"""The program on DBOS. Its SQLite file is in WAL mode, which is faster here than its default; synchronous is FULL."""

import sqlite3

import bare
from dbos import DBOS

folder, steps, flows = bare.told()
file = folder / "dbos.sqlite"
with sqlite3.connect(file) as database:
    database.execute("PRAGMA journal_mode = WAL")
commit = bare.opened(folder)


@DBOS.step()
def add_one(n: int) -> int:
    """Do next to nothing."""
    return n + 1


@DBOS.workflow()
def many(count: int) -> dict[str, list[float]]:
    """Make steps."""
    return bare.in_turns(add_one, commit, count)


@DBOS.workflow()
def empty() -> int:
    """Make none."""
    return 1


DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{file}", "log_level": "ERROR"})
DBOS.launch()
many(10)
seconds = many(steps)
seconds["empty"] = bare.each(empty, flows)
DBOS.destroy()
bare.tell(seconds)

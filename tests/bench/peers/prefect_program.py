"""The program on Prefect: results persisted, its server in this process on SQLite.

Its server sets synchronous NORMAL, and task runs reach it some time after: it is no durable peer.
"""

import bare
from prefect import flow, task

folder, steps, flows = bare.told()
commit = bare.opened(folder)


@task(persist_result=True)
def add_one(n: int) -> int:
    """Do next to nothing."""
    return n + 1


@flow(persist_result=True)
def many(count: int) -> dict[str, list[float]]:
    """Make tasks."""
    return bare.in_turns(add_one, commit, count)


@flow(persist_result=True)
def empty() -> int:
    """Make none."""
    return 1


many(2)
seconds = many(steps)
seconds["empty"] = bare.each(empty, flows)
bare.tell(seconds)

"""Results that other executions have already: python examples/caching/caching.py.

Prints

    embedding tea: computed
    embedding tea: cached
    embedding milk: computed
    embedding tea without the cache: computed
"""

import uuid
from datetime import timedelta

import kitaru

#: Anything that changes the results and does not show in the code. A fresh one, so that each run of this script prints
#: the same.
VERSION = uuid.uuid4().hex


@kitaru.checkpoint(cache=kitaru.Cache(version=VERSION, ttl=timedelta(days=1)))
def embed(text: str) -> list[int]:
    """Cost money: equal texts share one result, for a day."""
    return [ord(letter) for letter in text]


@kitaru.checkpoint(cache=False)
def fresh(text: str) -> list[int]:
    """Never take a result of another execution."""
    return [ord(letter) for letter in text]


@kitaru.flow
def embedding(text: str, *, anew: bool = False) -> list[int]:
    """Embed a text."""
    return fresh(text) if anew else embed(text)


def run(text: str, *, anew: bool = False) -> str:
    """Run the flow, and say where its call's result is from."""
    handle = embedding.run(text, anew=anew)
    handle.wait()
    call = kitaru.KitaruClient().executions.get(handle.exec_id).checkpoints[0]
    return "cached" if call.cached else "computed"


def main() -> None:
    """Embed texts, some of them again."""
    print(f"embedding tea: {run('tea')}")
    print(f"embedding tea: {run('tea')}")
    print(f"embedding milk: {run('milk')}")
    print(f"embedding tea without the cache: {run('tea', anew=True)}")


if __name__ == "__main__":
    main()

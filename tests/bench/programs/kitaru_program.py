"""The program on Kitaru's local stack, under KITARU_CONFIG_PATH, as that of each peer."""

import bare

import kitaru

folder, steps, flows = bare.told()
commit = bare.opened(folder)


@kitaru.checkpoint
def add_one(n: int) -> int:
    """Do next to nothing."""
    return n + 1


@kitaru.flow
def many(count: int) -> dict[str, list[float]]:
    """Call checkpoints."""
    return bare.in_turns(add_one, commit, count)


@kitaru.flow
def empty() -> int:
    """Call none."""
    return 1


many.run(10).wait()
seconds = many.run(steps).wait()
seconds["empty"] = bare.each(lambda: empty.run().wait(), flows)
bare.tell(seconds)

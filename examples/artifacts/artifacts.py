"""Values that a checkpoint keeps by name, found and loaded later: python examples/artifacts/artifacts.py.

Prints

    summarize output TEA
    prompt prompt Summarize tea in one line.
    facts context ['tea is a plant', 'tea is a drink']
    a later execution has 2 facts
"""

import kitaru


@kitaru.checkpoint
def summarize(topic: str) -> str:
    """Return a summary; what led to it is kept beside it."""
    kitaru.save("prompt", f"Summarize {topic} in one line.", type="prompt")
    kitaru.save("facts", [f"{topic} is a plant", f"{topic} is a drink"], type="context", tags=["facts"])
    return topic.upper()


@kitaru.flow
def study(topic: str) -> str:
    """Summarize a topic."""
    return summarize(topic)


@kitaru.checkpoint
def count_facts(exec_id: str) -> int:
    """Take what another execution kept."""
    return len(kitaru.load(exec_id, "facts"))


@kitaru.flow
def follow_up(exec_id: str) -> int:
    """Build on an execution that is over."""
    return count_facts(exec_id)


def main() -> None:
    """Run both, and look at what the first one kept."""
    first = study.run("tea")
    first.wait()
    for artifact in kitaru.KitaruClient().artifacts.list(first.exec_id):
        print(artifact.name, artifact.kind, artifact.load())
    print(f"a later execution has {follow_up.run(first.exec_id).wait()} facts")


if __name__ == "__main__":
    main()

"""A new execution out of an old one, with another output: python examples/replay/replay_with_overrides.py.

Prints `Draft: edited notes. Reviewed by ada.`
"""

import kitaru


@kitaru.checkpoint
def research(topic: str) -> str:
    """Cost an hour and some money, let us say."""
    return f"notes on {topic}"


@kitaru.checkpoint
def write_draft(notes: str) -> str:
    """Write it up."""
    return f"Draft: {notes}."


@kitaru.checkpoint
def review(draft: str, reviewer: str) -> str:
    """Have it read."""
    return f"{draft} Reviewed by {reviewer}."


@kitaru.flow
def content_pipeline(topic: str, reviewer: str = "ada") -> str:
    """Research, write, review."""
    return review(write_draft(research(topic)), reviewer)


def main() -> None:
    """Run it, look at what a replay would do, replay it with other notes."""
    first = content_pipeline.run("cats")
    first.wait()
    overrides = {"checkpoint.research": "edited notes"}

    plan = content_pipeline.replay(first.exec_id, from_="write_draft", overrides=overrides, dry_run=True)
    if plan.substitute != ("research",) or plan.run != ("write_draft", "review"):
        raise SystemExit(str(plan))

    second = content_pipeline.replay(first.exec_id, from_="write_draft", overrides=overrides)
    print(second.wait())


if __name__ == "__main__":
    main()

"""Two versions of a flow, and a tag that routes between them: python examples/deployments/deployments.py.

Prints `first version: Digest of tea | next version: News of milk`.
"""

import kitaru


@kitaru.checkpoint
def summarize(topic: str, title: str) -> str:
    """Do the work."""
    return f"{title} of {topic}"


@kitaru.flow
def digest(topic: str, title: str = "Digest") -> str:
    """Summarize a topic."""
    return summarize(topic, title)


def main() -> None:
    """Deploy twice, move the route, and start by the flow's name alone, as a server without the code would."""
    deployments = kitaru.KitaruClient(stack="local").deployments
    first = digest.deploy(topic="tea", stack="local")
    first.add_tag("default")
    routed = deployments.get(flow="digest", tag="default")
    before = deployments.invoke(flow="digest").wait()

    second = digest.deploy(topic="tea", title="News", tags=["default"], stack="local")
    after = deployments.invoke(flow="digest", inputs={"topic": "milk"}).wait()
    if (routed.version, second.version) != (first.version, first.version + 1):
        raise SystemExit(str(second))
    print(f"first version: {before} | next version: {after}")


if __name__ == "__main__":
    main()

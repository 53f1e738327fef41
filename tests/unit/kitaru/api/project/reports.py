"""Flows that the tests of deployments deploy."""

from typing import Final

from pydantic import BaseModel

import kitaru

#: The topics of the bodies that ran in this process.
RAN: Final[list[str]] = []


class Style(BaseModel):
    """A part of the inputs."""

    colour: str = "blue"


@kitaru.checkpoint
def written(topic: str) -> str:
    """Write."""
    return f"on {topic}"


@kitaru.flow(retries=1, cache=False)
def local_report(topic: str, style: Style | None = None, pages: int = 1) -> str:
    """Report."""
    RAN.append(topic)
    return f"{written(topic)}, {style.colour if style else 'plain'}, {pages}"


@kitaru.flow
def nested(how: str) -> None:
    """Do in a body what belongs into a checkpoint."""
    if how == "deploy":
        local_report.deploy(topic="tea")
    local_report.invoke(topic="tea")

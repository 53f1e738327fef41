"""Flows that ask people."""

from pydantic import BaseModel

import kitaru
from tests.e2e.flows import effects


class Approval(BaseModel):
    approved: bool
    note: str = ""


@kitaru.checkpoint
def draft(topic: str) -> str:
    """Write about the topic."""
    effects.happen("draft")
    return f"a draft about {topic}"


@kitaru.checkpoint
def publish(text: str, note: str) -> str:
    """Put it where readers are."""
    effects.happen("publish")
    return f"{text}, {note}"


@kitaru.checkpoint
def note_down(answer: str) -> str:
    """Keep what was answered."""
    effects.happen(f"noted-{answer}")
    return answer


@kitaru.flow
def approval(topic: str, stay: float = 0.0) -> str:
    """Draft, ask once, publish. `stay` is how many seconds the runner stays for the answer."""
    text = draft(topic)
    answer = kitaru.wait(schema=Approval, name="approve", question=f"Publish {text}?", timeout=stay)
    return publish(text, answer.note) if answer.approved else "rejected"


@kitaru.flow
def interview(questions: int) -> list[str]:
    """Ask one question after the other, all under one name."""
    return [note_down(kitaru.wait(schema=str, name="question")) for _ in range(questions)]

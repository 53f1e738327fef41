"""Research a topic, write a draft, ask a person, publish.

Where a real agent would call a model or a search engine, this one counts and sleeps: it needs no
network and no key, and gives the same result every time. It runs unchanged on a laptop
(`python start.py`) and on Kubernetes (`kubectl apply -f flow.yaml`).
"""

import time

from pydantic import BaseModel

import kitaru

PAUSE = 0.4  # seconds; stands for the time that a model thinks


class Approval(BaseModel):
    """What a person answers."""

    approved: bool
    note: str = ""


@kitaru.checkpoint
def research(topic: str) -> list[str]:
    """Find what there is to know."""
    print(f"research: looking into {topic}", flush=True)
    time.sleep(PAUSE)
    return [f"What {topic} is", f"Who needs {topic}", f"What {topic} costs"]


@kitaru.checkpoint
def write_draft(topic: str, notes: list[str]) -> str:
    """Write a section for each note."""
    sections: list[str] = []
    for number, note in enumerate(notes, start=1):
        print(f"write_draft: section {number} of {len(notes)}", flush=True)
        time.sleep(PAUSE)
        sections.append(f"{number}. {note}")
    return "\n".join([f"# {topic.capitalize()}", *sections])


@kitaru.checkpoint
def publish(draft: str, note: str) -> str:
    """Put it where readers are."""
    print("publish: the draft is out", flush=True)
    kitaru.log(words=len(draft.split()), note=note)
    return f"PUBLISHED: {draft.splitlines()[0]}"


@kitaru.flow
def research_agent(topic: str) -> str:
    """Publish an article about the topic, unless a person says no."""
    notes = research(topic)
    draft = write_draft(topic, notes)
    approval = kitaru.wait(
        schema=Approval,
        name="approve",
        question=f"Publish the draft about {topic}?",
        metadata={"draft": draft},
    )
    if not approval.approved:
        return f"REJECTED: {topic}"
    return publish(draft, approval.note)

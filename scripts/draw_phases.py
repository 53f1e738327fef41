#!/usr/bin/env python3
"""Draw the life of an execution from its table: writes docs/phases.md. With `--check`, only say whether it is stale."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from kitaru.core import phases
from kitaru.core.phases import TRANSITIONS, Event, Phase

FILE: Final = Path(__file__).resolve().parent.parent / "docs" / "phases.md"
HEAD: Final = """\
# The life of an execution

Drawn by `scripts/draw_phases.py` from the table in `kitaru.core.phases`. Do not edit.

```mermaid
stateDiagram-v2
    [*] --> Pending
"""


def page() -> str:
    """Return the page: the diagram, and each event in words."""
    lines = [
        f"    {phase} --> {target}: {event.name.lower()}"
        for phase, row in TRANSITIONS.items()
        for event, target in row.items()
    ]
    lines += [f"    {phase} --> [*]" for phase in Phase if phases.is_final(phase)]
    events = [f"| `{event.name.lower()}` | {event} |" for event in Event]
    statuses = [f"| {phase} | `{phases.status_of(phase)}` |" for phase in Phase]
    return "\n".join(
        [
            HEAD + "\n".join(lines),
            "```",
            "",
            "| event | what happened |",
            "|---|---|",
            *events,
            "",
            "| phase of the resource | status in Python |",
            "|---|---|",
            *statuses,
            "",
        ]
    )


def main() -> int:
    """Write the page, or compare it."""
    stale = not FILE.exists() or FILE.read_text(encoding="utf-8") != page()
    if "--check" in sys.argv[1:]:
        if stale:
            print("docs/phases.md is not what the table gives: run scripts/draw_phases.py")
        return int(stale)
    FILE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Listing the executions of a site, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from kitaru.backends import sqlite_index
from kitaru.backends.sqlite_index import SqliteIndex, Summary
from kitaru.core import listing
from kitaru.core.head import State
from kitaru.core.listing import Query, Row
from kitaru.core.located import Located
from kitaru.core.phases import Status
from kitaru.local.looks import Looks
from kitaru.local.site import NAME, Site

#: Executions whose logs are read before what they say is written down.
_BATCH: Final = 500
#: In which states of its log an execution can be that has a status.
_STATES: Final = {
    Status.COMPLETED: (State.COMPLETED,),
    Status.CANCELLED: (State.CANCELLED,),
    Status.FAILED: (State.FAILED, State.RUNNING),
    Status.WAITING: (State.PARKED, State.RUNNING),
    Status.RUNNING: (State.RUNNING, State.PARKED, State.FAILED),
}


def rows(site: Site, looks: Looks, query: Query) -> list[Row]:
    """Return the executions that are asked for."""
    index = SqliteIndex(site.store, f"{site.paths('').root}/")
    _bring_up_to_date(index, looks)
    return list(islice(_matching(index, site, looks, query), query.offset, query.end))


def _bring_up_to_date(index: SqliteIndex, looks: Looks) -> None:
    behind = index.behind()
    for begin in range(0, len(behind), _BATCH):
        ids = behind[begin : begin + _BATCH]
        index.keep([sqlite_index.summary(one, looks.spec(one), looks.head(one)) for one in ids])


def _matching(index: SqliteIndex, site: Site, looks: Looks, query: Query) -> Iterator[Row]:
    states = tuple(State) if query.status is None else _STATES[query.status]
    flow = None if query.flow is None else listing.plain(query.flow)
    for found in index.newest(flow, states):
        row = _row(found, site, looks)
        if query.takes_phase(row.located.phase):
            yield row


def _row(found: Summary, site: Site, looks: Looks) -> Row:
    head, phase = looks.phase_of(found.id, found.head)
    located = Located(
        exec_id=found.id,
        flow=found.flow,
        stack=NAME,
        phase=phase,
        paths=site.paths(found.id),
        created_at=found.created_at,
        version=found.version,
        original=found.original,
        reason=looks.reason(head, phase),
    )
    return listing.of_head(located, head)

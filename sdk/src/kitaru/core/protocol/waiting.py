"""What a runner does about open waits before it rests (rules 10 and 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, assert_never

from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Answered, Expired, Expiry


@dataclass(frozen=True, slots=True)
class Aborted:
    """An open wait was aborted: append nothing and exit. The operator ends the execution."""

    wait: str


@dataclass(frozen=True, slots=True)
class Took:
    """Append these records, in one slot, and look at the body again."""

    records: tuple[Answered | Expired, ...]


@dataclass(frozen=True, slots=True)
class Announce:
    """Append IDLE, then look again: an answer may have come just before it."""


@dataclass(frozen=True, slots=True)
class Stay:
    """An IDLE stands. Append nothing; look again in a while."""


@dataclass(frozen=True, slots=True)
class Park:
    """Append PARKED and exit."""


Rest: TypeAlias = Aborted | Took | Announce | Stay | Park


def take(decisions: Mapping[str, Answer | Abort | Expiry], now: datetime) -> Aborted | Took:
    """Return what to append for the decisions of open waits, by wait id (rule 10).

    One abort outweighs all answers: nothing may follow it, or the body could go on with an answer
    in an execution that its operator is about to cancel.
    """
    records: list[Answered | Expired] = []
    for wait, decision in decisions.items():
        match decision:
            case Abort():
                return Aborted(wait)
            case Expiry():
                records.append(Expired(wait=wait, at=now))
            case Answer():
                records.append(
                    Answered(
                        wait=wait,
                        request=decision.request,
                        value=decision.value,
                        at=now,
                        answered_by=decision.answered_by,
                    )
                )
            case _:
                assert_never(decision)
    return Took(tuple(records))


def rest(
    head: Head,
    decisions: Mapping[str, Answer | Abort | Expiry],
    *,
    stays: bool,
    now: datetime,
) -> Rest:
    """Return what a runner does whose body can only go on after an answer (rules 10 and 11).

    `decisions` is what `answers/` holds for the open waits in `head`, all of them, read after the
    last append: also for waits that this run of the body has not reached. Otherwise an answer to
    one of those would start attempt after attempt that parks again without having taken it.
    `stays` says whether the runner stays for an answer.
    """
    known = {one.id: decisions[one.id] for one in head.waits if one.id in decisions}
    if known:
        return take(known, now)
    if not stays:
        return Park()
    return Stay() if head.idle else Announce()

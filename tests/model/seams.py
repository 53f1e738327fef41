"""Where the model meets the product: every decision in the model is one of these, the product's own by default.

A run that undoes a rule puts something else into a seam, or takes from the world around the product what the product
relies upon (the order of reads, the conditions on puts). The product has no switches for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from kitaru.core import segments
from kitaru.core.head import Head, OpenWait
from kitaru.core.journal import Abort, Answer, Expiry, Slot
from kitaru.core.protocol import ender, passes, verdicts, waiting, writer
from kitaru.core.protocol.ender import Ender, Ending
from kitaru.core.protocol.passes import Plan, View
from kitaru.core.protocol.requests import PutDecision, ReadDecision, Reply
from kitaru.core.protocol.verdicts import Pending, Rejected, Request, StoreExpiry, Verdict
from kitaru.core.protocol.waiting import Rest
from kitaru.core.protocol.writer import Appending, Claiming, Fencing, Opening, Writer
from kitaru.core.segments import Segment
from tests.model.values import NOW

Decisions: TypeAlias = Mapping[str, Answer | Abort | Expiry]
Asked: TypeAlias = Claiming | Opening | Fencing | Appending
Judged: TypeAlias = Rejected | Pending | ReadDecision | PutDecision


def rest(head: Head, decisions: Decisions, log: Sequence[Slot], *, stays: bool) -> Rest:
    """Return what the runner does; it looks at the head only, not at the log."""
    del log
    return waiting.rest(head, decisions, stays=stays, now=NOW)


def believed(head: Head, log: Sequence[Slot]) -> Head:
    """Return what runner and operator take the log to say: what the fold says."""
    del log
    return head


def all_open(asked: str, waits: Sequence[OpenWait]) -> Sequence[str]:
    """Return the waits whose decisions a runner reads that asks for one: all open ones (rule 10)."""
    return [asked, *(wait.id for wait in waits if wait.id != asked)]


class RunsRest(Protocol):
    """As `rest` above."""

    def __call__(self, head: Head, decisions: Decisions, log: Sequence[Slot], *, stays: bool) -> Rest: ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Seams:
    """What decides (callables), and what the world around it guarantees (flags)."""

    # the runner
    told: Callable[[Asked, Reply], Writer] = writer.told
    rest: RunsRest = rest
    asks: Callable[[str, Sequence[OpenWait]], Sequence[str]] = all_open
    cut: Callable[[Head, Sequence[Slot]], Segment] = segments.cut
    allowance: Callable[[int], int] = int  # of a pod, from spec.retry when it was created
    own_writer: bool = True  # each process makes a writer id of its own
    committed_only: bool = True  # segments hold committed slots only
    stops_at_gap: bool = True  # a reader of segments is told of the first missing one
    given_epoch: bool = True  # a runner claims the number in its environment
    # the operator
    order: tuple[str, ...] = ("res", "claim", "pod", "log")  # its reads, one request each (rule 12)
    decide: Callable[[View], Plan] = passes.decide
    judge: Callable[[Request, Head], Judged] = verdicts.judge
    settle: Callable[[Request, Head, Answer | Abort | Expiry | None], Verdict] = verdicts.settle
    expire: Callable[[OpenWait, Iterable[Request]], Request | StoreExpiry] = verdicts.expire
    ends: Callable[[Ending, Head], Ender] = ender.begin
    insists: bool = True  # rule 18b
    by_level: bool = True  # pods are deleted in each pass (False: once, after the end)
    counts_failures: bool = True  # retries are compared with the log (False: with a mark in the status)
    late_clock: bool = True  # "now" is the operator's clock (False: always past deadline and margin)
    stamps: bool = True  # a request's time is its creationTimestamp (False: always in time)
    # both
    believed: Callable[[Head, Sequence[Slot]], Head] = believed
    # the store and the API server
    conditional_claims: bool = True
    conditional_log: bool = True
    conditional_answers: bool = True
    conditional_status: bool = True

"""What an attempt needs, what it is to do, and how it can end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic import JsonValue

from kitaru.core import retrying
from kitaru.core.definitions import FlowDefinition
from kitaru.core.head import Head, OpenWait
from kitaru.core.journal import Failure, Value
from kitaru.core.retrying import Retry
from kitaru.core.spec import Replay
from kitaru.engine.staying import Stay
from kitaru.engine.stop import Stop
from kitaru.errors import KitaruFeatureNotAvailableError
from kitaru.ports import Artifacts, CallCache, Clock, Histories, Ids, Isolation, Journal, Process, Telemetry


class NoIsolation:
    """The Isolation port where there are no processes to be had."""

    def start(self, errand: bytes) -> Process:
        """Refuse."""
        del errand
        message = 'This stack has no processes for checkpoints with runtime="isolated": leave the runtime out.'
        raise KitaruFeatureNotAvailableError(message)


def _nothing(error: BaseException | None) -> None:
    del error


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The ports of one attempt. `stop` is the attempt's own; setting it ends the attempt.

    `borrowed` says that the journal is another process's, for which this one runs a single function.
    Without a `cache` no call takes results of other executions, whatever the job says. `back` is called with what user
    code raised, or with None, as soon as it comes back, and before a checkpoint of it runs: a process that user code
    forked ends there. `keyboard` says that a person's Ctrl-C may end this process.
    """

    journal: Journal
    artifacts: Artifacts
    histories: Histories
    telemetry: Telemetry
    clock: Clock
    ids: Ids
    stay: Stay
    stop: Stop = field(default_factory=Stop)
    cache: CallCache | None = None
    isolation: Isolation = field(default_factory=NoIsolation)
    borrowed: bool = False
    back: Callable[[BaseException | None], None] = _nothing
    keyboard: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to run. `stay` is a wait's default timeout in seconds: how long a runner stays for it.

    `inputs` are the flow's arguments by name; `retries` how often the flow's body runs again after
    it raised, `timeout` the seconds that the flow may run, waits not counted, and `cache` whether
    checkpoints that do not say may take results of other executions; None of either: as decorated.
    `replay` says what to copy from which execution, if it is a replay.
    """

    exec_id: str
    flow: FlowDefinition
    inputs: Mapping[str, JsonValue]
    stay: float
    retries: int | None = None
    cache: bool | None = None
    replay: Replay | None = None
    timeout: float | None = None

    @property
    def retry(self) -> Retry:
        """Whether and when the flow's body runs again after it raised."""
        policy = self.flow.retry
        return policy if self.retries is None else retrying.limited(policy, self.retries)

    @property
    def takes_cached(self) -> bool:
        """Whether checkpoints that do not say may take results of other executions; by default they may."""
        chosen = self.flow.cache if self.cache is None else self.cache
        return chosen is not False

    @property
    def time_limit(self) -> float | None:
        """How many seconds the flow may run, waits not counted; None without a limit."""
        return self.flow.timeout if self.timeout is None else self.timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The flow returned; the log says so."""

    value: Value
    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The flow raised and has no retry of its own left; the log says so."""

    failure: Failure
    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """Only an answer to one of `waits` can move the execution on; the log says so."""

    waits: tuple[OpenWait, ...]
    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The attempt ended and the log does not say how: another attempt goes on after it."""

    why: str
    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The journal is not ours: over before we began, or held by a newer attempt since."""

    why: str
    head: Head


Outcome: TypeAlias = Completed | Failed | Parked | Interrupted | Closed

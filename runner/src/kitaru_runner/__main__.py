"""The composition root: from the pod's environment to an exit code."""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

from kitaru.backends.caches import ObjectCache, Owner
from kitaru.backends.clock import SystemClock
from kitaru.backends.forked import Home
from kitaru.backends.ids import RandomIds
from kitaru.backends.isolation import ProcessIsolation
from kitaru.backends.log import ObjectJournal
from kitaru.backends.obstore_store import ObstoreStore
from kitaru.backends.pointers import FarPointers
from kitaru.backends.retrying import RetryingStore
from kitaru.backends.s3 import S3Settings
from kitaru.backends.telemetry import ObjectTelemetry
from kitaru.backends.values import ObjectArtifacts, ObjectHistories
from kitaru.core import paths
from kitaru.core.paths import ExecutionPaths
from kitaru.core.protocol.writer import Identity
from kitaru.engine.staying import Polling
from kitaru.engine.stop import Stop
from kitaru.engine.world import Outcome, World
from kitaru.errors import KitaruError
from kitaru_runner import config, last_words, process, signals
from kitaru_runner.config import Assignment
from kitaru_runner.streams import Tee

#: Seconds for which a store that gives no answer is asked again for values and artifacts.
_PATIENCE: Final = 60.0
#: Seconds that threads and exit handlers of user code may still take once the outcome is known.
_LEAVING: Final = 2.0


def main() -> int:
    """Run the attempt that the environment names, and return the exit code."""
    try:
        given = config.load()
    except KitaruError as error:
        sys.stderr.write(f"kitaru: {error}\n")
        return last_words.BROKEN
    try:
        outcome = _attempt(given)
    except KitaruError as error:
        sys.stderr.write(f"kitaru: {error}\n")
        last_words.write(given.last_words, last_words.trouble(error))
        return last_words.BROKEN
    last_words.write(given.last_words, last_words.summary(outcome))
    return last_words.exit_code(outcome)


def _attempt(given: Assignment) -> Outcome:
    clock, ids = SystemClock(), RandomIds()
    # The journal is patient by itself, and log lines are dropped rather than waited for: both stand on `once`.
    once = ObstoreStore(S3Settings(bucket=given.bucket, endpoint=given.endpoint, region=given.region))
    store = RetryingStore(once, clock, _PATIENCE)
    where = paths.execution(given.prefix, given.namespace, given.uid)
    identity = Identity(epoch=given.attempt, writer=ids.new(), pod=given.pod, allowance=given.allowance)
    telemetry = ObjectTelemetry(once, where, given.attempt)
    stop = Stop()
    signals.on_terminate(lambda: _interrupt(given, stop, telemetry))
    spec = process.frozen(store.get(where.spec), given.digest)

    def others(exec_id: str) -> ExecutionPaths:
        return where if exec_id == given.execution else paths.execution(given.prefix, given.namespace, exec_id)

    world = World(
        journal=ObjectJournal(once, where, identity, clock),
        artifacts=ObjectArtifacts(store, where),
        histories=ObjectHistories(store, others),
        telemetry=telemetry,
        cache=ObjectCache(once, _owner(given), FarPointers(once)),
        clock=clock,
        ids=ids,
        stay=Polling(clock),
        stop=stop,
        back=Home(),
        isolation=ProcessIsolation(),
        keyboard=False,
    )
    stdout, stderr = sys.stdout, sys.stderr
    sys.stdout = Tee(stdout, process.listener(telemetry, clock, "stdout"))
    sys.stderr = Tee(stderr, process.listener(telemetry, clock, "stderr"))
    try:
        outcome = process.run(world, spec)
    finally:
        sys.stdout.finish()
        sys.stderr.finish()
        telemetry.flush()
    stderr.write(process.report(outcome))
    return outcome


def _owner(given: Assignment) -> Owner:
    return Owner(prefix=given.prefix, namespace=given.namespace, uid=given.uid, execution=given.execution)


def _interrupt(given: Assignment, stop: Stop, telemetry: ObjectTelemetry) -> None:
    """End the attempt at its next chance; a call that takes none within the grace period is abandoned."""
    stop.set("the pod was asked to end (SIGTERM)")
    threading.Event().wait(given.grace)
    telemetry.flush()
    os._exit(last_words.INTERRUPTED)


def _leave(code: int) -> None:
    """End the process, soon also when user code left a thread behind that does not end."""

    def cut() -> None:
        threading.Event().wait(_LEAVING)
        os._exit(code)

    threading.Thread(target=cut, name="kitaru-leave", daemon=True).start()
    sys.exit(code)


if __name__ == "__main__":
    _leave(main())

"""Rules 1 to 3: what a store's outcomes mean, and where an execution's journal lies."""

from __future__ import annotations

import pytest

from kitaru.backends import faults, log
from kitaru.backends.faults import Fault, FaultyStore
from kitaru.backends.memory import FakeClock, MemoryStore
from kitaru.backends.objects import Objects
from kitaru.core import paths
from kitaru.core.journal import Claim
from kitaru.core.protocol import writer
from kitaru.core.protocol.requests import ClaimEpoch, Created, Found, Missing, PutSlot, ReadSlot, Unknown
from kitaru.core.protocol.writer import Identity
from kitaru.errors import StoreDeniedError
from tests.unit.kitaru.protocol import samples

PATHS = paths.execution("", "team", "uid-1")
SLOT = samples.slot(1, samples.RETURNED)


def test_rule_1_success_is_ours() -> None:
    """Rule 1: a put that took effect says so."""
    assert Objects(MemoryStore(), PATHS).perform(PutSlot(0, SLOT)) == Created()


def test_rule_1_refused_comes_with_what_lies_there() -> None:
    """Rule 1: a refused put is answered with what is there instead."""
    objects = Objects(MemoryStore(), PATHS)
    objects.perform(PutSlot(0, SLOT))
    assert objects.perform(PutSlot(0, samples.slot(2, samples.PARKED))) == Found(SLOT)


@pytest.mark.parametrize("fault", [faults.lost_reply(), faults.unreachable()], ids=["took effect", "did not"])
def test_rule_1_all_else_is_unknown(fault: Fault) -> None:
    """Rule 1: no answer tells nothing about whether the put took effect."""
    objects = Objects(FaultyStore(MemoryStore(), faults.at_write(0, fault)), PATHS)
    assert objects.try_once(PutSlot(0, SLOT)) == Unknown()


def test_rule_1_unknown_is_sent_again_unchanged() -> None:
    """Rule 1: after an unknown outcome a machine asks for the same put, in the same slot, with the same id."""
    ready = writer.Ready(Identity(epoch=1, writer="w"), samples.head((1, samples.FENCE)))
    appending = writer.append(ready, (samples.RETURNED,))
    again = writer.told(appending, Unknown())
    assert again == appending


def test_rule_1_a_refusal_with_nothing_there_is_unknown() -> None:
    """Rule 1: a store that refuses a put and then shows nothing has not said which of the outcomes it was."""
    vanished = faults.each("get", PATHS.slot(0), None)
    store = FaultyStore(Forgetful(), vanished)
    assert Objects(store, PATHS).perform(PutSlot(0, SLOT)) == Unknown()


def test_rule_2_only_the_store_can_say_missing() -> None:
    """Rule 2: an object that is not there is missing."""
    assert Objects(MemoryStore(), PATHS).perform(ReadSlot(0)) == Missing()


def test_rule_2_no_answer_is_not_the_end_of_the_log() -> None:
    """Rule 2: a read without an answer is unknown, not missing."""
    store = FaultyStore(MemoryStore(), faults.at(0, faults.unreachable()))
    assert Objects(store, PATHS).try_once(ReadSlot(0)) == Unknown()


def test_rule_2_denied_is_not_the_end_of_the_log() -> None:
    """Rule 2: a refused permission is an error of its own, at once."""
    store = FaultyStore(MemoryStore(), faults.at(0, faults.denied()))
    with pytest.raises(StoreDeniedError):
        log.read_slots(store, PATHS)


def test_rule_3_an_execution_of_the_same_name_meets_another_log() -> None:
    """Rule 3: the keys hold the execution's uid, so an old claim does not stand in the way of a new execution."""
    store = MemoryStore()
    first = Objects(store, PATHS)
    second = Objects(store, paths.execution("", "team", "uid-2"))
    first.perform(ClaimEpoch(1, Claim(writer="w")))
    assert second.perform(ClaimEpoch(1, Claim(writer="v"))) == Created()


def test_a_journal_is_patient_with_a_store_that_stays_away() -> None:
    """An open whose requests get no answer at first succeeds when the store is back."""
    away = [faults.unreachable()] * 5
    store = FaultyStore(MemoryStore(), faults.each("create", PATHS.root, *away))
    journal = log.ObjectJournal(store, PATHS, Identity(epoch=1, writer="w"), FakeClock())
    assert journal.open().head.epoch == 1


class Forgetful(MemoryStore):
    """Refuses every put-if-absent and shows nothing."""

    def create(self, key: str, body: bytes, metadata: object = None) -> bool:
        del key, body, metadata
        return False

"""The life of an execution as a table: what the rows promise, and what happens off the table."""

import itertools

import pytest

from kitaru.core import phases
from kitaru.core.phases import TRANSITIONS, Event, IllegalTransitionError, Phase, Status
from kitaru.errors import KitaruStateError

PAIRS = list(itertools.product(Phase, Event))
LEGAL = [(phase, event) for phase, event in PAIRS if event in TRANSITIONS[phase]]
ILLEGAL = [pair for pair in PAIRS if pair not in LEGAL]


def _name(pair: tuple[Phase, Event]) -> str:
    return f"{pair[0]}-{pair[1].name}"


@pytest.mark.parametrize("pair", LEGAL, ids=_name)
def test_a_legal_event_leads_where_the_table_says(pair: tuple[Phase, Event]) -> None:
    """An event of a phase's row leads to the phase that the row names."""
    phase, event = pair
    assert phases.advance(phase, event) is TRANSITIONS[phase][event]


@pytest.mark.parametrize("pair", ILLEGAL, ids=_name)
def test_any_other_event_is_a_typed_error(pair: tuple[Phase, Event]) -> None:
    """An event that is not in the row raises an error that names phase and event, and is a state error."""
    phase, event = pair
    with pytest.raises(IllegalTransitionError) as caught:
        phases.advance(phase, event)
    assert (caught.value.phase, caught.value.event) == (phase, event)
    assert isinstance(caught.value, KitaruStateError)
    assert str(caught.value).startswith(f"The execution is {phases.status_of(phase)}: only one that is")


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.CANCELLED])
def test_nothing_happens_to_what_is_over(phase: Phase) -> None:
    """Completed and cancelled executions take no event at all."""
    assert phases.is_final(phase)
    assert [event for event in Event if event in TRANSITIONS[phase]] == []


def test_only_what_is_over_is_final() -> None:
    """Failed is not final: a retry may be granted; a cancel leaves it failed."""
    assert {phase for phase in Phase if phases.is_final(phase)} == {Phase.COMPLETED, Phase.CANCELLED}
    assert phases.advance(Phase.FAILED, Event.RETRIED) is Phase.PENDING
    assert phases.advance(Phase.FAILED, Event.CANCELLED) is Phase.FAILED


def test_every_phase_can_be_reached() -> None:
    """From pending, events lead to every phase."""
    seen, todo = {Phase.PENDING}, [Phase.PENDING]
    while todo:
        for target in TRANSITIONS[todo.pop()].values():
            if target not in seen:
                seen.add(target)
                todo.append(target)
    assert seen == set(Phase)


def test_pending_shows_as_running() -> None:
    """The public status has five values; an execution whose attempt is on its way is running."""
    assert phases.status_of(Phase.PENDING) is Status.RUNNING
    assert {phases.status_of(phase) for phase in Phase} == set(Status)
    assert [status for status in Status if status.is_finished] == [Status.COMPLETED, Status.FAILED, Status.CANCELLED]
    assert [status for status in Status if status.is_successful] == [Status.COMPLETED]

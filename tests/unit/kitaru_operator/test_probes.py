"""What the kubelet and Prometheus are told."""

import asyncio

import aiohttp

from kitaru_operator import health
from kitaru_operator.health import LONGEST_SILENCE, Health
from tests.unit.kitaru_operator.bench import Bench


def _asked(bench: Bench, pulse: Health) -> dict[str, tuple[int, str]]:
    async def ask() -> dict[str, tuple[int, str]]:
        runner = await health.serve(pulse, bench.world)
        try:
            _, port = runner.addresses[0][:2]
            async with aiohttp.ClientSession() as session:
                found: dict[str, tuple[int, str]] = {}
                for path in ("/healthz", "/readyz", "/metrics"):
                    async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                        found[path] = (response.status, await response.text())
                return found
        finally:
            await runner.cleanup()

    return asyncio.run(ask())


def test_an_operator_that_hears_nothing_is_not_alive() -> None:
    """A dead watch would otherwise leave a process that only looks alive."""
    bench = Bench()
    pulse = Health(bench.clock)
    assert _asked(bench, pulse)["/healthz"][0] == 200
    bench.clock.advance(LONGEST_SILENCE + 1)
    assert _asked(bench, pulse)["/healthz"][0] == 503
    pulse.beat()
    assert _asked(bench, pulse)["/healthz"][0] == 200


def test_it_is_ready_once_it_has_listed_everything_on_a_fit_store() -> None:
    """Not before."""
    bench = Bench()
    pulse = Health(bench.clock)
    assert _asked(bench, pulse)["/readyz"][0] == 503
    pulse.resynced()
    assert _asked(bench, pulse)["/readyz"][0] == 200


def test_executions_are_counted_by_phase() -> None:
    """In the text format of Prometheus."""
    bench = Bench()
    bench.begin()
    text = _asked(bench, Health(bench.clock))["/metrics"][1]
    assert 'kitaru_executions{phase="Pending"} 1' in text
    assert "kitaru_operator_store_ready 1" in text

"""What a person sees of the three kinds with kubectl."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from kitaru_cluster.cluster import Cluster
from tests.integration.crds import objects
from tests.integration.crds.installing import Release
from tests.integration.crds.objects import answer, execution, flow

GOLDEN: Final = Path(__file__).parents[2] / "golden" / "explain"


@pytest.mark.parametrize(
    "what", ["kitaruflow.spec", "kitaruexecution.spec", "kitaruexecution.status", "kitaruanswer.spec"]
)
def test_kubectl_explains_the_fields(
    cluster: Cluster, installed: Release, what: str, golden: Callable[[Path, str], None]
) -> None:
    """Each field is explained in a sentence or two, as the committed text has it."""
    del installed
    golden(GOLDEN / f"{what}.txt", cluster.kubectl("explain", what))


def test_executions_are_listed_with_what_they_wait_for(cluster: Cluster, fresh: str) -> None:
    """`kubectl get kx` shows flow, version, phase, checkpoints and the open waits."""
    name = objects.name_of(objects.stored(cluster, fresh, execution()))
    objects.patch(
        cluster,
        fresh,
        name,
        {
            "status": {
                "version": 3,
                "phase": "Waiting",
                "checkpoints": {"completed": 4},
                "waitingFor": "approve, budget",
            }
        },
    )
    header, line = cluster.kubectl("get", "kx", "-n", fresh).splitlines()
    assert header.split() == ["NAME", "FLOW", "VERSION", "PHASE", "CHECKPOINTS", "WAITING-FOR", "AGE"]
    assert line.split()[1:-1] == ["research-agent", "3", "Waiting", "4", "approve,", "budget"]


def test_all_of_kitaru_is_listed_at_once(cluster: Cluster, fresh: str) -> None:
    """The category kitaru, and the short names, name the kinds."""
    made = [
        objects.name_of(objects.stored(cluster, fresh, flow())),
        objects.name_of(objects.stored(cluster, fresh, execution())),
        objects.name_of(objects.stored(cluster, fresh, answer(value=1, answeredBy="bob"), as_="bob")),
    ]
    wanted = sorted(name.replace("/", ".kitaru.dev/") for name in made)
    for what in ("kitaru", "kf,kx,ka"):
        assert sorted(cluster.kubectl("get", what, "-n", fresh, "-o=name").split()) == wanted


def test_executions_are_found_by_phase_and_flow(cluster: Cluster, fresh: str) -> None:
    """Field selectors name one phase of one flow."""
    names = [objects.name_of(objects.stored(cluster, fresh, execution(flow=one))) for one in ("a", "a", "b")]
    for name in names[1:]:
        assert objects.patch(cluster, fresh, name, {"status": {"phase": "Waiting"}}) is None
    selector = "--field-selector=status.phase=Waiting,spec.flow=a"
    found = cluster.kubectl("get", "kx", "-n", fresh, selector, "-o=name").split()
    assert found == [names[1].replace("/", ".kitaru.dev/")]


def test_a_condition_can_be_waited_for(cluster: Cluster, namespace: str) -> None:
    """`kubectl wait --for=condition=Succeeded` returns when the operator says so."""
    name = objects.name_of(objects.stored(cluster, namespace, execution()))
    change: objects.Object = {
        "status": {
            "conditions": [
                {
                    "type": "Succeeded",
                    "status": "True",
                    "reason": "Completed",
                    "lastTransitionTime": "2026-11-21T12:00:00Z",
                }
            ]
        }
    }
    assert objects.patch(cluster, namespace, name, change) is None
    cluster.kubectl("wait", "-n", namespace, "--for=condition=Succeeded", name, "--timeout=10s")

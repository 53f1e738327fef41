"""Who may do what: the roles, and the admission policies that no role can grant past."""

import dataclasses
import json
from pathlib import Path

import pytest

from kitaru_cluster.cluster import Cluster
from tests.integration.crds import objects
from tests.integration.crds.installing import Release
from tests.integration.crds.objects import answer, execution, flow


def _mutates(cluster: Cluster) -> bool:
    return "mutatingadmissionpolicies" in cluster.kubectl("api-resources", "-o=name")


def test_an_answer_bears_its_senders_name(cluster: Cluster, namespace: str) -> None:
    """An approver called bob answers as bob."""
    assert objects.create(cluster, namespace, answer(value=1, answeredBy="bob"), as_="bob") is None


def test_an_answer_under_anothers_name_is_refused(cluster: Cluster, namespace: str) -> None:
    """An approver called bob cannot answer as alice, and his name is not put in the place of hers."""
    told = objects.create(cluster, namespace, answer(value=1, answeredBy="alice"), as_="bob")
    assert told is not None
    assert "spec.answeredBy must be your own user name, bob" in told


def test_not_even_an_administrator_answers_under_anothers_name(cluster: Cluster, namespace: str) -> None:
    """The policy asks everybody."""
    assert "must be your own user name" in str(objects.create(cluster, namespace, answer(value=1, answeredBy="bob")))


def test_an_answer_without_a_name_gets_its_senders(cluster: Cluster, namespace: str) -> None:
    """From Kubernetes 1.36 on the name is filled in, and nulls in the value stay; before, it is asked for."""
    nameless = answer(value={"a": None, "b": [None]})
    if not _mutates(cluster):
        assert "spec.answeredBy: Required value" in str(objects.create(cluster, namespace, nameless, as_="bob"))
        return
    spec = objects.stored(cluster, namespace, nameless, as_="bob")["spec"]
    assert spec == {"execution": "x1", "wait": "approve", "value": {"a": None, "b": [None]}, "answeredBy": "bob"}


def test_an_answer_without_a_spec_is_refused_for_that(cluster: Cluster, namespace: str) -> None:
    """The policies stay out of what the schema refuses."""
    told = objects.create(cluster, namespace, {**answer(), "spec": None}, as_="bob")
    assert "spec: Required value" in str(told)


def test_a_service_account_answers_under_its_own_name(
    cluster: Cluster, fresh: str, installed: Release, tmp_path: Path
) -> None:
    """A program answers as the service account whose token it holds, and as nobody else."""
    bind = ("create", "rolebinding", "gateway", "-n", fresh, f"--clusterrole={installed.name}-approver")
    cluster.kubectl(*bind, f"--serviceaccount={fresh}:default")
    gateway = _with_token(cluster, cluster.kubectl("create", "token", "default", "-n", fresh).strip(), tmp_path)
    own = answer(value=1, answeredBy=f"system:serviceaccount:{fresh}:default")
    assert objects.create(gateway, fresh, own) is None
    assert "must be your own user name" in str(objects.create(gateway, fresh, answer(value=1, answeredBy="bob")))


def _with_token(cluster: Cluster, token: str, folder: Path) -> Cluster:
    """Return the same cluster for whoever holds the token."""
    view = json.loads(cluster.kubectl("config", "view", "--raw", "--minify", "-o=json"))
    view["users"] = [{"name": view["users"][0]["name"], "user": {"token": token}}]
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(view))
    return dataclasses.replace(cluster, kubeconfig=kubeconfig)


def test_deploying_code_asks_for_the_right_to_create_pods(cluster: Cluster, namespace: str) -> None:
    """An editor of Kitaru alone cannot bring code into a namespace; who may create pods there can."""
    told = objects.create(cluster, namespace, flow(), as_="eve")
    assert told is not None
    assert f"eve needs the right to create pods in {namespace}" in told
    assert objects.create(cluster, namespace, flow(), as_="dan") is None


def test_changing_code_asks_for_it_too(cluster: Cluster, namespace: str) -> None:
    """A flow's spec cannot be changed without that right; its labels can."""
    name = objects.name_of(objects.stored(cluster, namespace, flow()))
    told = objects.patch(cluster, namespace, name, {"spec": {"image": "registry.example/other:1"}}, as_="eve")
    assert "needs the right to create pods" in str(told)
    assert objects.patch(cluster, namespace, name, {"metadata": {"labels": {"team": "a"}}}, as_="eve") is None
    assert objects.patch(cluster, namespace, name, {"spec": {"image": "registry.example/other:1"}}, as_="dan") is None


def test_running_deployed_code_does_not(cluster: Cluster, namespace: str) -> None:
    """An invoker runs, cancels and retries what others deployed."""
    made = objects.stored(cluster, namespace, execution(), as_="ivy")
    change: objects.Object = {"spec": {"cancel": True, "retry": 1}}
    assert objects.patch(cluster, namespace, objects.name_of(made), change, as_="ivy") is None


KINDS = ("kitaruflows", "kitaruexecutions", "kitaruanswers")
READ = frozenset({"get", "list", "watch"})
WRITE = frozenset({"create", "update", "patch", "delete"})
STATUS = {f"{kind}/status": frozenset[str]() for kind in KINDS}
RIGHTS = {
    "vic": {"kitaruflows": READ, "kitaruexecutions": READ, "kitaruanswers": frozenset[str](), **STATUS},
    "bob": {"kitaruflows": READ, "kitaruexecutions": READ, "kitaruanswers": READ | {"create"}, **STATUS},
    "ivy": {
        "kitaruflows": READ,
        "kitaruexecutions": READ | {"create", "update", "patch"},
        "kitaruanswers": frozenset[str](),
        **STATUS,
    },
    "eve": {**dict.fromkeys(KINDS, READ | WRITE), **STATUS},
    "dan": {**dict.fromkeys(KINDS, READ | WRITE), **STATUS},
}


@pytest.mark.parametrize("person", RIGHTS)
def test_a_role_grants_what_it_says_and_nothing_else(cluster: Cluster, namespace: str, person: str) -> None:
    """Of all that can be done with the three kinds, each role grants exactly its part; nobody writes a status."""
    found = _rights(cluster, namespace, person)
    assert {name: found.get(name, frozenset()) for name in RIGHTS[person]} == RIGHTS[person]


def _rights(cluster: Cluster, namespace: str, person: str) -> dict[str, frozenset[str]]:
    """Return the verbs that a person has on each resource of Kitaru in a namespace."""
    listed = cluster.kubectl("auth", "can-i", "--list", "--no-headers", "-n", namespace, f"--as={person}")
    found: dict[str, frozenset[str]] = {}
    for line in listed.splitlines():
        resource, _, rest = line.partition(".kitaru.dev")
        if rest:
            name = resource + rest.split()[0] if rest.startswith("/") else resource
            verbs = frozenset(line[line.rindex("[") + 1 : line.rindex("]")].split())
            found[name] = found.get(name, frozenset()) | verbs
    return found


@pytest.mark.parametrize(
    "asked",
    [
        ("get", "secrets"),
        ("list", "secrets"),
        ("create", "pods", "--subresource=exec"),
        ("update", "pods"),
        ("create", "serviceaccounts", "--subresource=token"),
        ("create", "kitaruexecutions.kitaru.dev"),
        ("delete", "kitaruexecutions.kitaru.dev"),
        ("update", "kitaruflows.kitaru.dev"),
        ("create", "kitaruanswers.kitaru.dev"),
        ("delete", "nodes"),
        ("list", "namespaces"),
        ("update", "customresourcedefinitions.apiextensions.k8s.io"),
    ],
    ids=" ".join,
)
def test_the_operator_has_no_right_that_it_does_not_need(
    cluster: Cluster, installed: Release, asked: tuple[str, ...]
) -> None:
    """The operator reads no secret, enters no pod and makes no execution."""
    who = f"--as=system:serviceaccount:{installed.namespace}:{installed.name}-operator"
    code, output, _ = cluster.try_kubectl("auth", "can-i", *asked, "-n", "default", who)
    assert (code, output.strip()) == (1, "no")

"""What the chart gives for which values."""

import pytest
from pydantic import JsonValue

from tests.integration.chart import rendering
from tests.integration.chart.rendering import MUTATING, Object, at, named, of_kind

MATRIX = [
    pytest.param((), id="as it is"),
    pytest.param(("watchNamespaces={team-a,team-b}",), id="two namespaces"),
    pytest.param(("crds.install=false", "roles.install=false", "admissionPolicies.install=false"), id="bare"),
    pytest.param(("crds.keep=false",), id="CRDs that go"),
    pytest.param((f"image.digest=sha256:{'0' * 64}", "image.pullPolicy=Always"), id="digest"),
    pytest.param(("s3.endpoint=http://s3:9000", "s3.prefix=a/b", "s3.secretName="), id="S3 and workload identity"),
    pytest.param(
        (
            "imagePullSecrets[0].name=pull",
            "extraEnv[0].name=A",
            "extraEnv[0].value=b",
            "podLabels.team=a",
            "podAnnotations.note=b",
            "priorityClassName=high",
            "nodeSelector.disk=ssd",
            "tolerations[0].operator=Exists",
            "affinity.nodeAffinity.x=y",
            "serviceAccount.annotations.role=arn",
            "replicas=0",
            "logLevel=DEBUG",
        ),
        id="everything else",
    ),
]


@pytest.mark.parametrize("given", MATRIX)
def test_the_chart_passes_helms_strict_lint(given: tuple[str, ...]) -> None:
    """No combination of values gives a chart that helm finds fault with."""
    code, text, errors = rendering.helm("lint", "--strict", str(rendering.CHART), *rendering.values(given))
    assert code == 0, text + errors


@pytest.mark.parametrize("given", MATRIX)
def test_every_object_says_whose_it_is(given: tuple[str, ...]) -> None:
    """All but the CRDs bear the release's labels, and all names begin with the release's."""
    objects = rendering.rendered(*given, api=(MUTATING,))
    own = [one for one in objects if one["kind"] != "CustomResourceDefinition"]
    assert {str(at(one, "metadata", "labels", "app.kubernetes.io/instance")) for one in own} == {"kitaru"}
    assert [name for _, name in named(own) if not name.startswith("kitaru-")] == []


@pytest.mark.parametrize("given", MATRIX)
def test_the_operators_pod_fits_the_restricted_profile(given: tuple[str, ...]) -> None:
    """Whatever is set, the operator runs without privileges, on a root that it cannot write."""
    (deployment,) = of_kind(rendering.rendered(*given), "Deployment")
    assert at(deployment, "spec", "strategy", "type") == "Recreate"
    pod = at(deployment, "spec", "template", "spec")
    assert at(pod, "securityContext", "runAsNonRoot") is True
    assert at(pod, "securityContext", "seccompProfile") == {"type": "RuntimeDefault"}
    assert at(pod, "containers", 0, "securityContext") == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert at(pod, "volumes") == [{"name": "tmp", "emptyDir": {}}]


def _environment(objects: list[Object]) -> dict[str, JsonValue]:
    (deployment,) = of_kind(objects, "Deployment")
    listed = at(deployment, "spec", "template", "spec", "containers", 0, "env")
    assert isinstance(listed, list)
    return {str(at(one, "name")): at(one, "value") for one in listed}


def test_the_operator_is_told_where_the_store_is() -> None:
    """Bucket, prefix, region and endpoint come by environment, credentials from the Secret."""
    objects = rendering.rendered("s3.endpoint=http://s3:9000", "s3.prefix=a/b", "watchNamespaces={x,y}")
    environment = _environment(objects)
    assert {key: value for key, value in environment.items() if key.startswith("KITARU_S3")} == {
        "KITARU_S3_BUCKET": "flows",
        "KITARU_S3_PREFIX": "a/b",
        "KITARU_S3_REGION": "us-east-1",
        "KITARU_S3_ENDPOINT": "http://s3:9000",
    }
    assert environment["KITARU_WATCH_NAMESPACES"] == "x,y"
    assert environment["KITARU_RUNNER_SECRET"] == "kitaru-s3"
    (deployment,) = of_kind(objects, "Deployment")
    secret = at(deployment, "spec", "template", "spec", "containers", 0, "envFrom")
    assert secret == [{"secretRef": {"name": "kitaru-s3"}}]


def test_runners_may_have_an_identity_in_place_of_a_secret() -> None:
    """The operator is told that there is none, which is not the same as nothing said."""
    assert _environment(rendering.rendered("runner.secretName="))["KITARU_RUNNER_SECRET"] == ""


def test_without_a_secret_the_operator_has_its_service_accounts_identity() -> None:
    """No Secret is asked for where a cloud gives the credentials."""
    (deployment,) = of_kind(rendering.rendered("s3.secretName="), "Deployment")
    assert at(deployment, "spec", "template", "spec", "containers", 0, "envFrom") is None


@pytest.mark.parametrize(
    ("given", "image"),
    [
        pytest.param((), "registry.example/kitaru-operator:0.1.0", id="the chart's version"),
        pytest.param(("image.tag=1.2",), "registry.example/kitaru-operator:1.2", id="tag"),
        pytest.param(
            ("image.tag=1.2", f"image.digest=sha256:{'a' * 64}"),
            f"registry.example/kitaru-operator@sha256:{'a' * 64}",
            id="digest before tag",
        ),
    ],
)
def test_the_image_is_named_by_digest_tag_or_version(given: tuple[str, ...], image: str) -> None:
    """A digest comes before a tag, a tag before the chart's version."""
    (deployment,) = of_kind(rendering.rendered(*given), "Deployment")
    assert at(deployment, "spec", "template", "spec", "containers", 0, "image") == image


def test_a_list_of_namespaces_limits_the_operators_rights() -> None:
    """With a list, only the right to look at nodes holds in the whole cluster."""
    objects = rendering.rendered("watchNamespaces={team-a,team-b}")
    bound = {
        (str(at(one, "metadata", "namespace")), str(at(one, "roleRef", "name")))
        for one in of_kind(objects, "RoleBinding")
    }
    assert bound == {("team-a", "kitaru-operator"), ("team-b", "kitaru-operator")}
    everywhere = {str(at(one, "roleRef", "name")) for one in of_kind(objects, "ClusterRoleBinding")}
    assert everywhere == {"kitaru-operator-nodes"}


def test_no_role_has_wildcards_or_secrets() -> None:
    """Each right is written out, and none is to read a Secret."""
    for role in of_kind(rendering.rendered(), "ClusterRole"):
        rules = at(role, "rules")
        assert isinstance(rules, list)
        for rule in rules:
            words = [at(rule, part) for part in ("apiGroups", "resources", "verbs")]
            assert "*" not in str(words)
            assert "secrets" not in str(words)


def test_crds_outlive_the_release_unless_told_otherwise() -> None:
    """`helm uninstall` leaves the CRDs, and with them all executions, where crds.keep is true."""
    for keep, policy in (("true", "keep"), ("false", "None")):
        crds = of_kind(rendering.rendered(f"crds.keep={keep}"), "CustomResourceDefinition")
        assert len(crds) == 3
        assert {str(at(one, "metadata", "annotations", "helm.sh/resource-policy")) for one in crds} == {policy}


@pytest.mark.parametrize(
    ("given", "gone"),
    [
        pytest.param("crds.install=false", {"CustomResourceDefinition"}, id="CRDs"),
        pytest.param(
            "admissionPolicies.install=false",
            {
                "ValidatingAdmissionPolicy",
                "ValidatingAdmissionPolicyBinding",
                "MutatingAdmissionPolicy",
                "MutatingAdmissionPolicyBinding",
            },
            id="policies",
        ),
    ],
)
def test_parts_can_be_left_out(given: str, gone: set[str]) -> None:
    """What another release or a platform team brings, the chart does not."""
    whole = {str(one["kind"]) for one in rendering.rendered(api=(MUTATING,))}
    assert whole - {str(one["kind"]) for one in rendering.rendered(given, api=(MUTATING,))} == gone


def test_names_are_filled_in_where_the_cluster_can() -> None:
    """The mutating policy comes with Kubernetes 1.36; before, the validating ones stand alone."""
    assert of_kind(rendering.rendered(version="1.32.0"), "MutatingAdmissionPolicy") == []
    assert len(of_kind(rendering.rendered(api=(MUTATING,)), "MutatingAdmissionPolicy")) == 1


def test_two_releases_share_no_name() -> None:
    """Objects of the cluster bear the release's name, so that a second release does not collide."""
    first = named(rendering.rendered("crds.install=false", release="kitaru"))
    second = named(rendering.rendered("crds.install=false", release="agents"))
    assert not first & second
    assert ("Deployment", "agents-kitaru-operator") in second


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        pytest.param(("--set=image.repository=r",), "s3.bucket is empty", id="no bucket"),
        pytest.param(("--set=s3.bucket=b",), "image.repository is empty", id="no image"),
        pytest.param((*rendering.values(["s3.buket=b"]),), "buket", id="misspelt value"),
        pytest.param((*rendering.values(["logLevel=LOUD"]),), "/logLevel", id="log level"),
        pytest.param((*rendering.values(["replicas=-1"]),), "/replicas", id="replicas"),
        pytest.param((*rendering.values(["image.digest=abc"]),), "/image/digest", id="digest"),
        pytest.param((*rendering.values([]), "--kube-version=1.31.0"), "requires kubeVersion", id="old Kubernetes"),
    ],
)
def test_bad_values_are_refused_by_name(flags: tuple[str, ...], message: str) -> None:
    """Helm says which value is wrong before anything is installed."""
    version = () if any(one.startswith("--kube-version") for one in flags) else ("--kube-version=1.36.0",)
    code, _, errors = rendering.helm("template", "kitaru", str(rendering.CHART), *version, *flags)
    assert code == 1
    assert message in errors

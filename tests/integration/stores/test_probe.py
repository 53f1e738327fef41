"""The probe refuses stores on which a journal could fork: real ones, made so by a proxy."""

from dataclasses import replace

import pytest

from kitaru.backends import probe
from kitaru.backends.ids import RandomIds
from kitaru.backends.probe import Reason
from kitaru.backends.s3 import S3Settings
from kitaru.errors import StoreDeniedError, StoreUnfitError
from kitaru_cluster.s3 import S3
from tests.integration.stores import proxy
from tests.integration.stores.clients import Connect
from tests.integration.stores.proxy import Behaviour


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        pytest.param(
            proxy.drop_conditions,
            Reason.CONDITIONAL_WRITES_UNSUPPORTED,
            id="drops-the-condition",
        ),
        pytest.param(
            proxy.confirm_refusals,
            Reason.CONDITIONAL_WRITES_UNSUPPORTED,
            id="turns-412-into-200",
        ),
        pytest.param(
            proxy.check_then_write,
            Reason.CONDITIONAL_WRITES_NOT_ATOMIC,
            id="checks-then-writes",
        ),
    ],
)
def test_a_store_without_atomic_conditional_writes_is_refused(
    behaviour: Behaviour, reason: Reason, s3_server: S3, settings: S3Settings, connect: Connect
) -> None:
    """The refusal names the condition that is missing, and the probe's keys are removed."""
    with proxy.before(s3_server, behaviour) as before:
        store = connect(replace(settings, endpoint=before.url))
        with pytest.raises(StoreUnfitError, match="If-None-Match") as caught:
            probe.check(store, "team", RandomIds())
        left = list(store.list(""))
    assert (caught.value.reason, left) == (reason, [])


def test_a_proxy_that_changes_nothing_is_no_fault(s3_server: S3, settings: S3Settings, connect: Connect) -> None:
    """The same proxy without tampering passes: what the others are refused for is the tampering."""

    def honest(request: proxy.Request, forward: proxy.Forward) -> proxy.Reply:
        return forward(request)

    with proxy.before(s3_server, honest) as before:
        probe.check(connect(replace(settings, endpoint=before.url)), "team", RandomIds())
        conditional = [one for one in before.requests if proxy.CONDITION in one.headers]
    assert len(conditional) == 2 + probe.RACERS * probe.ROUNDS


def test_wrong_credentials_are_not_taken_for_an_unfit_store(settings: S3Settings, connect: Connect) -> None:
    """Nothing is known of a store that lets nobody in: the error speaks of the credentials."""
    store = connect(replace(settings, secret_key="wrong"))
    with pytest.raises(StoreDeniedError, match="credentials"):
        probe.check(store, "team", RandomIds())

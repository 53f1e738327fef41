"""Settings: what each takes, what it refuses, what an image may be, and what is kept of them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from kitaru.core import frozen, images, masking, settings
from kitaru.core.images import ImageSettings
from kitaru.core.settings import KitaruConfig
from kitaru.core.spec import Spec
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruFeatureNotAvailableError, KitaruUsageError


def test_a_layer_says_what_it_is_given() -> None:
    """A time limit may be a timedelta; None is not said."""
    made = settings.layer("@flow", {"stack": "prod", "cache": False, "retries": 0, "timeout": timedelta(minutes=2)})
    assert made == KitaruConfig(stack="prod", cache=False, retries=0, timeout=120.0)
    assert settings.layer("@flow", dict.fromkeys(settings.NAMES)) == KitaruConfig()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param({"stack": ""}, "@flow: stack is '': give a name.", id="empty-stack"),
        pytest.param({"stack": 3}, "@flow: stack is 3: give a name.", id="stack"),
        pytest.param({"cache": "yes"}, "@flow: cache is 'yes': give true or false.", id="cache"),
        pytest.param({"retries": True}, "@flow: retries is True: give a whole number", id="retries"),
        pytest.param({"retries": -1}, "Flow retries must be >= 0.", id="negative-retries"),
        pytest.param({"timeout": 0}, "@flow: timeout is 0: give seconds, more than 0", id="timeout"),
        pytest.param({"timeout": float("inf")}, "@flow: timeout is inf", id="endless"),
        pytest.param({"timeout": True}, "@flow: timeout is True", id="no-number"),
        pytest.param({"image": 3}, "@flow: image is a int: give an image's name, a mapping", id="image"),
        pytest.param({"image": ""}, "@flow: image: base_image is wrong", id="empty-image"),
        pytest.param({"colour": 1}, "@flow has no setting 'colour': it takes stack, image, cache", id="unknown"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(given: Mapping[str, UserValue], told: str) -> None:
    """The message names where it was given, the field, and what to give."""
    with pytest.raises(KitaruUsageError) as caught:
        settings.layer("@flow", given)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("agents:1", id="text"),
        pytest.param({"base_image": "agents:1"}, id="mapping"),
        pytest.param({"parent_image": "agents:1"}, id="alias"),
        pytest.param(ImageSettings(base_image="agents:1"), id="settings"),
    ],
)
def test_an_image_is_text_a_mapping_or_settings(given: UserValue) -> None:
    """All three mean the same (F12)."""
    assert images.read("image", given) == ImageSettings(base_image="agents:1")


def test_an_image_has_the_fields_that_programs_know() -> None:
    """Requirements are lines or a file; nothing else is needed (F12)."""
    made = images.read(
        "image",
        {
            "base_image": "python:3.13",
            "requirements": ["httpx"],
            "environment": {"PORT": "80"},
            "apt_packages": ["git"],
            "replicate_local_python_environment": True,
            "dockerfile": "Dockerfile",
        },
    )
    assert made is not None
    assert (made.requirements, made.environment, made.apt_packages) == (["httpx"], {"PORT": "80"}, ["git"])
    assert not made.is_empty()
    assert ImageSettings(requirements="requirements.txt").requirements == "requirements.txt"
    assert ImageSettings().is_empty()
    assert images.read("image", None) is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param({"base": "a"}, "image: an image has no field 'base'; it has base_image,", id="unknown"),
        pytest.param({"environment": {"PORT": 80}}, "image: environment.PORT is wrong: input should be", id="variable"),
        pytest.param({"requirements": [1]}, "image: requirements is wrong", id="requirement"),
        pytest.param({"base_image": "a", "parent_image": "b"}, "which is the same: remove one", id="twice"),
    ],
)
def test_a_wrong_image_is_refused_by_field(given: Mapping[str, UserValue], told: str) -> None:
    """The message names the field and, where it can, those that there are."""
    with pytest.raises(KitaruUsageError) as caught:
        images.read("image", given)
    assert told in str(caught.value)


def test_an_image_that_exists_is_run_as_it_is() -> None:
    """Its name and the variables of its container are all that a stack without builds needs."""
    made = ImageSettings(base_image="agents:1", environment={"PORT": "80"})
    assert images.prebuilt("deploy()", made) == ("agents:1", {"PORT": "80"})
    assert images.prebuilt("deploy()", ImageSettings(base_image="agents:1")) == ("agents:1", {})


@pytest.mark.parametrize(
    ("image", "error", "told"),
    [
        pytest.param(None, KitaruUsageError, "deploy(): image is missing: give the name", id="none"),
        pytest.param(ImageSettings(), KitaruUsageError, "deploy(): image is missing", id="empty"),
        pytest.param(
            ImageSettings(environment={"A": "b"}), KitaruUsageError, "image.base_image is missing", id="no-base"
        ),
        pytest.param(
            ImageSettings(base_image="a", apt_packages=["git"]),
            KitaruFeatureNotAvailableError,
            "image.apt_packages needs an image to be built",
            id="build",
        ),
        pytest.param(
            ImageSettings(base_image="a", secret_environment_from=["s"]),
            KitaruFeatureNotAvailableError,
            "image.secret_environment_from is not passed on: put it into a Kubernetes Secret",
            id="secrets",
        ),
        pytest.param(
            ImageSettings(base_image="a", environment={"API_KEY": "x"}),
            KitaruUsageError,
            "image.environment.API_KEY looks like a secret",
            id="secret",
        ),
    ],
)
def test_what_an_image_cannot_have_without_a_build_is_refused(
    image: ImageSettings | None, error: type[Exception], told: str
) -> None:
    """The message names the field and what to do instead, and never shows a value."""
    with pytest.raises(error) as caught:
        images.prebuilt("deploy()", image)
    assert told in str(caught.value)


@pytest.mark.parametrize("name", ["API_KEY", "token", "MySecret", "DB_PASSWORD", "CREDENTIALS", "AUTH_HEADER"])
def test_names_of_secrets_are_known(name: str) -> None:
    """A variable of such a name is masked, its name is shown."""
    assert masking.environment({name: "hidden"}) == {name: "***"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("postgresql://me:hidden@db/x", "postgresql://me:***@db/x"),
        ("git+https://hidden@example.com/x.git", "git+https://***@example.com/x.git"),
        ("--index-url https://u:p@example.com/simple", "--index-url https://u:***@example.com/simple"),
        ("git+ssh://git@example.com/x.git", "git+ssh://git@example.com/x.git"),
        ("registry.example.com/agents:1@sha256:0", "registry.example.com/agents:1@sha256:0"),
    ],
    ids=["password", "token", "option", "ssh-user", "digest"],
)
def test_urls_lose_their_secrets(text: str, told: str) -> None:
    """Passwords and tokens are masked; what is no secret stays."""
    assert masking.masked([text]) == [told]
    assert masking.environment({"URL": text}) == {"URL": told}


def test_what_is_kept_says_all_that_holds_and_no_secret() -> None:
    """Defaults are filled in, and a secret is masked in both places."""
    image = ImageSettings(base_image="agents:1", environment={"API_KEY": "hidden", "PORT": "80"})
    kept = frozen.freeze("local", KitaruConfig(image=image, project="p"), KitaruConfig(image=image))
    assert frozen.dump(kept) == {
        "version": 1,
        "resolved_execution": {
            "stack": "local",
            "image": {"base_image": "agents:1", "environment": {"API_KEY": "***", "PORT": "80"}},
            "cache": True,
            "retries": 0,
        },
        "flow_defaults": {"image": {"base_image": "agents:1", "environment": {"API_KEY": "***", "PORT": "80"}}},
        "connection": {"project": "p"},
    }


def _spec(settings_: Mapping[str, UserValue] | None) -> Spec:
    return Spec(
        namespace="agents",
        name="x-1",
        uid="u",
        flow="x",
        entrypoint="m:x",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        image="agents@sha256:1",
        retries=2,
        settings=settings_,
    )


def test_what_is_kept_is_read_back() -> None:
    """What a newer Kitaru kept beside it is passed over."""
    kept = frozen.freeze(
        "local", KitaruConfig(image=ImageSettings(base_image="a"), timeout=5), KitaruConfig(cache=False)
    )
    newer = {**frozen.dump(kept), "mood": "fine"}
    newer["resolved_execution"] = {**kept.resolved_execution.model_dump(exclude_none=True), "mood": "fine"}
    newer["resolved_execution"]["image"] = {"base_image": "a", "mood": "fine"}
    assert frozen.read(_spec(newer), "local") == kept


def test_a_spec_without_settings_says_what_it_can() -> None:
    """An execution of a cluster, or an old one, shows its image and its retries."""
    shown = frozen.read(_spec(None), "prod").resolved_execution
    assert (shown.stack, shown.retries, shown.cache) == ("prod", 2, True)
    assert shown.image == ImageSettings(base_image="agents@sha256:1")

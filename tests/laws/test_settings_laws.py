"""The first layer that says something wins, whatever the others say."""

from functools import reduce
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from kitaru.core import masking, settings
from kitaru.core.images import ImageSettings
from kitaru.core.settings import KitaruConfig

_NAMES: Final = st.sampled_from(["a", "b", "A_TOKEN", "PORT"])
_TEXTS: Final = st.lists(_NAMES, max_size=2)
IMAGES: Final = st.builds(
    ImageSettings,
    base_image=st.none() | _NAMES,
    requirements=st.none() | _TEXTS | _NAMES,
    environment=st.none() | st.dictionaries(_NAMES, _NAMES, max_size=3),
    apt_packages=st.none() | _TEXTS,
    replicate_local_python_environment=st.none() | st.booleans(),
)
LAYERS: Final = st.builds(
    KitaruConfig,
    stack=st.none() | _NAMES,
    image=st.none() | IMAGES,
    cache=st.none() | st.booleans(),
    retries=st.none() | st.integers(0, 3),
    timeout=st.none() | st.floats(1, 9),
)


@given(st.lists(LAYERS, max_size=6))
def test_of_each_setting_the_highest_layer_that_says_it_holds(layers: list[KitaruConfig]) -> None:
    """False and 0 are said like everything else; None is not."""
    chosen = settings.resolve(*layers)
    for name in ("stack", "cache", "retries", "timeout"):
        said = [value for value in (getattr(layer, name) for layer in layers) if value is not None]
        assert getattr(chosen, name) == (said[0] if said else None)


@given(st.lists(LAYERS, max_size=6))
def test_of_an_image_each_field_and_each_variable_comes_from_the_highest_layer(layers: list[KitaruConfig]) -> None:
    """Layers of an image merge: the environment name by name, every other field as a whole."""
    chosen = settings.resolve(*layers).image or ImageSettings()
    images = [layer.image for layer in layers if layer.image is not None]
    expected = {name: value for image in reversed(images) for name, value in image.said().items()}
    variables = [image.environment for image in images if image.environment is not None]
    if variables:
        expected["environment"] = {name: value for one in reversed(variables) for name, value in one.items()}
    assert chosen.said() == expected


@given(st.lists(LAYERS, min_size=1, max_size=6))
def test_layers_can_be_resolved_in_any_groups(layers: list[KitaruConfig]) -> None:
    """What was resolved below can be one layer of what is resolved above."""
    assert reduce(settings.resolve, layers) == settings.resolve(*layers)


@given(st.text("abcXYZ0129_-~%.:", min_size=1), st.sampled_from(["https", "postgresql", "git+https", "s3"]))
def test_a_masked_url_keeps_all_but_its_password(password: str, scheme: str) -> None:
    """Of a URL with a user and a password, host and path stay readable."""
    told = masking.masked(f"see {scheme}://me:{password}@example.com/path and {scheme}://example.com")
    assert told == f"see {scheme}://me:***@example.com/path and {scheme}://example.com"

"""The fixtures of this folder."""

from pathlib import Path

import pytest

from kitaru_cluster.cluster import Cluster
from kitaru_cluster.fixture import cluster, s3_server
from kitaru_cluster.images import Image, Recipe

__all__ = ["cluster", "s3_server"]


@pytest.fixture(scope="session")
def python_image(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Give an image with nothing but Python."""
    context = tmp_path_factory.mktemp("python-image")
    return cluster.build_image(recipe(context, "test-python", "ARG BASE_IMAGE\nFROM $BASE_IMAGE\n"))


def recipe(context: Path, name: str, dockerfile: str) -> Recipe:
    """Return the recipe of an image without any files."""
    path = context / "Dockerfile"
    path.write_text(dockerfile)
    return Recipe(name=name, dockerfile=path, context=context)

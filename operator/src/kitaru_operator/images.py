"""Which image an execution runs: pinned to a digest once a node has said which it was."""

from __future__ import annotations


def pinned(image: str | None, reported: str) -> str | None:
    """Return `reported`, a container's imageID, if it names a digest in the repository of `image`; else `image`.

    A side-loaded image is reported by a bare id, which no node can pull, and some runtimes report a mirror: neither
    may replace what was asked for.
    """
    if image is None or "@" in image or "@sha256:" not in reported:
        return image
    repository = reported.partition("@")[0]
    return reported if repository == _repository(image) else image


def _repository(image: str) -> str:
    """Return the image without its tag; a colon before the last slash is a port."""
    head, slash, last = image.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"

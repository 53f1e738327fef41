"""Inputs and answers that a resource holds by reference, read from the resource's own namespace in the store."""

from __future__ import annotations

from pydantic import JsonValue

from kitaru.core import blobs
from kitaru.core.resources.answer import KitaruAnswer
from kitaru.core.resources.model import BlobRef
from kitaru.errors import KitaruUsageError
from kitaru_operator.journals import Journals


class UnreadableError(KitaruUsageError):
    """What a reference stands for cannot be had; the message says why, and what to do."""

    code = "unreadable_reference"


async def value(journals: Journals, namespace: str, ref: BlobRef) -> JsonValue:
    """Return what the reference stands for. Raises `UnreadableError`."""
    body = await journals.blob(namespace, ref)
    if body is None:
        message = f"the store has no blob {ref.sha256} of {ref.size} bytes in namespace {namespace!r}: upload it first."
        raise UnreadableError(message)
    try:
        return blobs.decode(ref, body)
    except KitaruUsageError as error:
        raise UnreadableError(str(error)) from error


async def answer(journals: Journals, given: KitaruAnswer) -> KitaruAnswer:
    """Return the answer with its value in it. Raises `UnreadableError`."""
    ref = given.spec.value_ref
    if ref is None:
        return given
    found = await value(journals, given.metadata.namespace, ref)
    return given.model_copy(update={"spec": given.spec.model_copy(update={"value": found})})

"""`kitaru.wait`: ask the outside world, and go on with its answer, weeks later if need be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict, TypeVar, Unpack, overload

from pydantic import JsonValue

from kitaru.core import keywords
from kitaru.core.keywords import Kinds
from kitaru.core.tagged import UserValue
from kitaru.engine import waits
from kitaru.engine.futures import Future
from kitaru.engine.waits import Default, Inquiry
from kitaru.errors import KitaruUsageError

__all__ = ["Wait", "WaitOptions", "wait"]

T = TypeVar("T")


class WaitOptions(TypedDict, total=False):
    """What a wait can be given beside its schema.

    `name` is how faces call it (default "wait"), `question` what a person reads, `metadata` a JSON
    object to show. `timeout` is how many seconds the runner stays before it parks; it is no expiry.
    `deadline` is one: a time with its zone, or a timedelta from now; when it passes, the wait
    returns `default`, and without one raises `KitaruWaitExpiredError`.
    """

    name: str
    question: str | None
    timeout: float | None
    metadata: Mapping[str, JsonValue] | None
    deadline: datetime | timedelta | None
    default: UserValue


class Wait:
    """``wait(schema=bool, name="approve")`` in a `def` flow, ``await wait.submit(...)`` in any."""

    @overload
    def __call__(self, schema: None = None, **options: Unpack[WaitOptions]) -> None: ...
    @overload
    def __call__(self, schema: type[T], **options: Unpack[WaitOptions]) -> T: ...
    @overload
    def __call__(self, schema: UserValue, **options: Unpack[WaitOptions]) -> UserValue: ...
    def __call__(self, schema: UserValue = None, **options: Unpack[WaitOptions]) -> UserValue:
        """Return the answer, in the schema's type; without a schema it is None.

        Raises `KitaruWaitExpiredError`, and `KitaruContextError` outside of a `def` flow's body.
        """
        return waits.ask_and_block(_inquiry(schema, options))

    @overload
    def submit(self, schema: None = None, **options: Unpack[WaitOptions]) -> Future[None]: ...
    @overload
    def submit(self, schema: type[T], **options: Unpack[WaitOptions]) -> Future[T]: ...
    @overload
    def submit(self, schema: UserValue, **options: Unpack[WaitOptions]) -> Future[UserValue]: ...
    def submit(self, schema: UserValue = None, **options: Unpack[WaitOptions]) -> Future[UserValue]:
        """Open the wait and return the future of its answer; several may be open at once."""
        return waits.ask(_inquiry(schema, options))


#: The one there is.
wait: Final = Wait()


#: What each option of a wait may be.
_KINDS: Final[Mapping[str, Kinds]] = {
    "name": (str,),
    "question": (str,),
    "timeout": (int, float),
    "metadata": (Mapping,),
    "deadline": (datetime, timedelta),
    "default": (object,),
}


def _inquiry(schema: UserValue, options: WaitOptions) -> Inquiry:
    keywords.check("wait", options, _KINDS)
    name = options.get("name", "wait")
    timeout = options.get("timeout")
    if timeout is not None and timeout < 0:
        message = f"wait {name}: timeout={timeout} must be >= 0 seconds."
        raise KitaruUsageError(message)
    deadline = options.get("deadline")
    default = Default(value=options["default"]) if "default" in options else None
    if default is not None and deadline is None:
        message = f"wait {name}: default= is returned when a deadline passes, so give deadline= too."
        raise KitaruUsageError(message)
    return Inquiry(
        schema=schema,
        name=name,
        question=options.get("question"),
        metadata=options.get("metadata"),
        seconds=timeout,
        deadline=_utc(name, deadline),
        default=default,
    )


def _utc(name: str, deadline: datetime | timedelta | None) -> datetime | timedelta | None:
    if not isinstance(deadline, datetime):
        return deadline
    if deadline.tzinfo is None:
        message = f"wait {name}: deadline={deadline} has no time zone: add one, such as datetime.UTC."
        raise KitaruUsageError(message)
    return deadline.astimezone(UTC)

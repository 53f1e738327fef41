"""The events of a watch, line by line as the API server sends them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Final

import pydantic
import urllib3
import urllib3.exceptions
from kubernetes.client.exceptions import ApiException
from pydantic import JsonValue

_EVENT: Final = pydantic.TypeAdapter(dict[str, JsonValue])
_OK: Final = 200
#: The version at which the watch was to begin is forgotten: whoever waits looks again.
_GONE: Final = 410
_CUT: Final = (urllib3.exceptions.ReadTimeoutError, urllib3.exceptions.ProtocolError)


def events(response: object) -> Generator[dict[str, JsonValue]]:
    """Yield the events of a watch's reply until the API server ends it or the connection is cut.

    Raises `ApiException` when the reply is a refusal.
    """
    if not isinstance(response, urllib3.BaseHTTPResponse):
        message = f"a watch gave {type(response).__name__}, not a stream"
        raise TypeError(message)
    try:
        if response.status == _GONE:
            return
        if response.status != _OK:
            raise ApiException(status=response.status, reason=response.reason, body=response.data.decode())
        for line in _lines(response):
            event = _EVENT.validate_json(line)
            if event["type"] == "ERROR":
                return
            yield event
    except _CUT:
        return
    finally:
        response.close()
        response.release_conn()


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    begun = b""
    for chunk in response.stream():
        *whole, begun = (begun + chunk).split(b"\n")
        yield from (line for line in whole if line)

"""HTTP requests, one connection each."""

import http.client
import urllib.parse
from collections.abc import Mapping

_SECONDS = 20.0


def request(method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Send a request and return the answer's status and body. Raises OSError without an answer."""
    target = urllib.parse.urlsplit(url)
    secure = target.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(target.netloc, timeout=_SECONDS)
    path = f"{target.path or '/'}?{target.query}" if target.query else target.path or "/"
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        message = f"no answer from {url}: {error}"
        raise ConnectionError(message) from error
    finally:
        connection.close()


def answers(url: str) -> bool:
    """Say whether a GET is answered with success."""
    status, _ = request("GET", url)
    return status == http.client.OK

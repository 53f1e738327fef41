"""An HTTP proxy in front of the S3 server that tampers: what stores and networks do to journals.

It listens on loopback, signs each request anew, so that tampering is never seen as a forged request,
and answers every request on a connection of its own.
"""

import http.client
import threading
import time
import urllib.parse
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kitaru_cluster.s3 import S3

CONDITION = "if-none-match"
SECONDS = 20.0
#: Made anew for each hop.
HOP = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "expect",
        "host",
        "transfer-encoding",
        "x-amz-content-sha256",
        "x-amz-date",
    }
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked; the names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client is told."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Forward: TypeAlias = Callable[[Request], Reply]
#: Makes the reply to a request; None hangs up without one.
Behaviour: TypeAlias = Callable[[Request, Forward], Reply | None]


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy. `requests` grows by each request it is sent."""

    url: str
    requests: list[Request]


def drop_conditions(request: Request, forward: Forward) -> Reply:
    """Behave as a store that ignores `If-None-Match`."""
    headers = {name: value for name, value in request.headers.items() if name != CONDITION}
    return forward(replace(request, headers=headers))


def confirm_refusals(request: Request, forward: Forward) -> Reply:
    """Behave as a store that checks the condition and then says that all is well."""
    reply = forward(request)
    return Reply(200, headers={"ETag": '"0"'}) if reply.status == 412 else reply


def check_then_write(request: Request, forward: Forward) -> Reply:
    """Behave as a store that looks first and writes a moment later: not atomic."""
    if CONDITION not in request.headers:
        return forward(request)
    found = forward(Request("HEAD", request.path, {}, b""))
    time.sleep(0.05)  # the moment, long enough for all racers to have looked
    if found.status == 200:
        return forward(request)
    return drop_conditions(request, forward)


def lose_replies(request: Request, forward: Forward) -> None:
    """Behave as a network that breaks after the store did as asked."""
    forward(request)


def hang_up(request: Request, forward: Forward) -> None:
    """Behave as a network that breaks before the store was reached."""
    del request, forward


def fail_afterwards(request: Request, forward: Forward) -> Reply:
    """Behave as a gateway that gives up on the store's reply."""
    forward(request)
    return Reply(504, b"<html>Gateway timeout</html>", {"Content-Type": "text/html"})


def answers(status: int, code: str = "") -> Behaviour:
    """Return the behaviour that answers so to everything, with S3's XML if there is a code."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>-</Message></Error>"
    page = "<html>nothing to see here</html>"
    reply = Reply(status, (body if code else page).encode(), {"Content-Type": "application/xml"})
    return lambda _request, _forward: reply


@contextmanager
def before(server: S3, behaviour: Behaviour) -> Generator[Proxy]:
    """Run a proxy before the S3 server, as long as the block lasts."""
    requests: list[Request] = []

    def answer(request: Request) -> Reply | None:
        requests.append(request)
        return behaviour(request, lambda one: _forward(server, one))

    listener = _Listener(("127.0.0.1", 0), _handler(answer))
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Proxy(f"http://127.0.0.1:{listener.server_port}", requests)
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join(SECONDS)


class _Listener(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for the last reply
    request_queue_size = 128  # the default of 5 makes racing clients wait a second for their turn


def _forward(server: S3, request: Request) -> Reply:
    signed = AWSRequest(
        method=request.method,
        url=server.url + request.path,
        data=request.body,
        headers={name: value for name, value in request.headers.items() if name not in HOP},
    )
    credentials = Credentials(server.access_key, server.secret_key)
    S3SigV4Auth(credentials, "s3", server.region).add_auth(signed)
    place = urllib.parse.urlsplit(server.url)
    connection = http.client.HTTPConnection(place.netloc, timeout=SECONDS)
    try:
        headers = {name: str(value) for name, value in signed.headers.items()}
        connection.request(request.method, request.path, request.body, headers)
        reply = connection.getresponse()
        return Reply(reply.status, reply.read(), dict(reply.getheaders()))
    finally:
        connection.close()


def _handler(answer: Callable[[Request], Reply | None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = SECONDS

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65_537)
            if self.raw_requestline and self.parse_request():
                self._answer()
            self.close_connection = True

        def _answer(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            reply = answer(Request(self.command, self.path, headers, body))
            if reply is None:
                return
            kept = {name.lower(): value for name, value in reply.headers.items()}
            size = kept.get("content-length") if self.command == "HEAD" else None
            self.send_response(reply.status)
            for name, value in kept.items():
                if name not in HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", size or str(len(reply.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(reply.body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Print nothing: tests look at `requests`."""

    return Handler

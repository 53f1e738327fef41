"""The S3 server as tests see it: where it is, and requests to it without a library."""

import contextlib
import datetime as dt
import hashlib
import hmac
import secrets
import socket
import subprocess
import tempfile
import urllib.parse
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kitaru_cluster import build, leftovers, pins, services, waiting, web
from kitaru_cluster.errors import ClusterError

_SECONDS = 20.0
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class S3:
    """An S3 server: its URL from the host and from pods, and credentials that may do all."""

    url: str
    pod_url: str
    access_key: str
    secret_key: str
    region: str

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a signed request and return its status and body, whatever the status is.

        `path` begins with `/` and holds the bucket and the key, quoted as it goes into a URL.
        """
        target = urllib.parse.urlsplit(self.url + path)
        signed = self._sign(method, target, body, dict(headers or {}))
        return web.request(method, target.geturl(), body, signed)

    def make_bucket(self, prefix: str = "kitaru-test") -> str:
        """Make an empty bucket with a name of its own, and return the name."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        status, body = self.request("PUT", f"/{name}")
        if status != 200:
            message = f"the S3 server at {self.url} answered {status} to making {name}: {body!r}"
            raise ClusterError(message)
        return name

    def environment(self) -> dict[str, str]:
        """Return the environment by which AWS's own clients find this server from the host."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL_S3": self.url,
        }

    def _sign(
        self, method: str, target: urllib.parse.SplitResult, body: bytes, headers: dict[str, str]
    ) -> dict[str, str]:
        """Add AWS's signature, version 4, over every header and the body."""
        now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        fixed = {"host": target.netloc, "x-amz-date": now, "x-amz-content-sha256": digest}
        sent = {**{name.lower(): value for name, value in headers.items()}, **fixed}
        names = ";".join(sorted(sent))
        lines = "".join(f"{name}:{sent[name]}\n" for name in sorted(sent))
        canonical = f"{method}\n{target.path}\n{target.query}\n{lines}\n{names}\n{digest}"
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashed}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        credential = f"Credential={self.access_key}/{scope}"
        authorization = f"{credential},SignedHeaders={names},Signature={signature}"
        return {**sent, "Authorization": f"AWS4-HMAC-SHA256 {authorization}"}


@contextlib.contextmanager
def server() -> Generator[S3]:
    """Give an S3 server of its own on the host's loopback, without a cluster and without root.

    The kernel kills it when the thread that started it ends, the main one in a test run.
    """
    (folder,) = build.tools((pins.VERSITYGW,))
    keys = services.new_keys()
    leftovers.sweep_servers()
    with (
        tempfile.TemporaryDirectory(prefix=leftovers.SERVER_PREFIX) as kept,
        leftovers.hold(Path(kept)),
        contextlib.ExitStack() as stack,
    ):
        port = _started(str(folder / "versitygw"), Path(kept), keys, stack)
        url = f"http://127.0.0.1:{port}"
        yield S3(url, url, keys.access, keys.secret, services.REGION)


def _started(program: str, folder: Path, keys: services.Keys, stack: contextlib.ExitStack) -> int:
    """Start the server on a free port; another process may take the port first, so try again."""
    log = folder / "versitygw.log"
    for _ in range(_ATTEMPTS):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        component = services.s3(program, folder, f"127.0.0.1:{port}", keys)
        with log.open("ab") as output:
            process = subprocess.Popen(
                ("setpriv", "--pdeathsig", "KILL", "--", *component.argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=component.env,
                start_new_session=True,
            )
        stack.callback(_ended, process)
        if _healthy(process, f"http://127.0.0.1:{port}{services.HEALTH}", log):
            return port
    message = f"the S3 server did not start{waiting.tail(log)}"
    raise ClusterError(message)


def _healthy(process: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    """Wait until the server answers; False when it ended first."""

    def settled() -> str | None:
        if process.poll() is not None:
            return "ended"
        return "healthy" if web.answers(url) else None

    what = f"the S3 server at {url}"
    return waiting.until(settled, what, seconds=_SECONDS, log=log) == "healthy"


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()

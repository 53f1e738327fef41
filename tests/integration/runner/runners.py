"""The runner as a process, with the environment that the operator gives it, on a real S3 server."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from kitaru.backends import log
from kitaru.backends.boto3_store import Boto3Store
from kitaru.backends.s3 import S3Settings
from kitaru.core import paths, spec
from kitaru.core.head import Head
from kitaru.core.journal import Answer
from kitaru.core.paths import ExecutionPaths
from kitaru_cluster import waiting
from kitaru_cluster.s3 import S3

FLOWS: Final = Path(__file__).parent / "flows"
NAMESPACE: Final = "agents"
NOW: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended: its code, what it wrote, and its termination message."""

    code: int
    stdout: str
    stderr: str
    words: dict[str, JsonValue]


@dataclass(slots=True)
class Execution:
    """One execution of a flow in the folder `flows`, and the attempts at it."""

    server: S3
    bucket: str
    folder: Path
    flows: Path = FLOWS
    compiled: Path | None = None
    digest: str = ""
    retries: int | None = None
    cache: bool | None = None
    uid: str = "uid-1"
    running: list[subprocess.Popen[str]] = field(default_factory=list[subprocess.Popen[str]])

    @property
    def store(self) -> Boto3Store:
        """The bucket."""
        keys = {"access_key": self.server.access_key, "secret_key": self.server.secret_key}
        return Boto3Store(S3Settings(bucket=self.bucket, endpoint=self.server.url, **keys))

    @property
    def paths(self) -> ExecutionPaths:
        """The execution's keys."""
        return paths.execution("kitaru", NAMESPACE, self.uid)

    def freeze(self, entrypoint: str, **inputs: JsonValue) -> None:
        """Write spec.json, as the operator does at the first attempt."""
        flow = entrypoint.rpartition(":")[2]
        frozen = spec.Spec(
            namespace=NAMESPACE,
            name=f"{flow}-x7k2p",
            uid=self.uid,
            flow=flow,
            entrypoint=entrypoint,
            created_at=NOW,
            inputs=inputs,
            retries=self.retries,
            cache=self.cache,
        )
        body = spec.encode(frozen)
        self.store.put(self.paths.spec, body)
        self.digest = spec.digest(body)

    def start(self, attempt: int = 1, **environment: str) -> subprocess.Popen[str]:
        """Start an attempt."""
        (self.folder / "words").write_text("")
        given = {
            "EFFECTS": str(self.folder / "effects"),
            "KITARU_NAMESPACE": NAMESPACE,
            "KITARU_EXECUTION_NAME": "steps-x7k2p",
            "KITARU_EXECUTION_ID": self.uid,
            "KITARU_ATTEMPT": str(attempt),
            "KITARU_RETRY_ALLOWANCE": "0",
            "KITARU_SPEC_DIGEST": self.digest,
            "KITARU_POD_UID": f"pod-{attempt}",
            "KITARU_S3_ENDPOINT": self.server.url,
            "KITARU_S3_BUCKET": self.bucket,
            "KITARU_S3_PREFIX": "kitaru",
            "KITARU_TERMINATION_LOG": str(self.folder / "words"),
            "AWS_ACCESS_KEY_ID": self.server.access_key,
            "AWS_SECRET_ACCESS_KEY": self.server.secret_key,
            "PATH": os.environ["PATH"],
            "PYTHONSAFEPATH": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONPYCACHEPREFIX": str(self.compiled or self.folder / "compiled"),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "kitaru_runner"],
            cwd=self.flows,
            env={**given, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.append(process)
        return process

    def ended(self, process: subprocess.Popen[str]) -> Ended:
        """Wait for an attempt's end."""
        stdout, stderr = process.communicate(timeout=SECONDS)
        words = (self.folder / "words").read_text()
        return Ended(process.returncode, stdout, stderr, json.loads(words) if words else {})

    def attempt(self, number: int = 1, **environment: str) -> Ended:
        """Make an attempt, from its start to its end."""
        return self.ended(self.start(number, **environment))

    @property
    def effects(self) -> list[str]:
        """What the checkpoints did to the outside world, in order."""
        file = self.folder / "effects"
        return file.read_text().split() if file.exists() else []

    def await_effect(self, name: str, times: int = 1) -> None:
        """Wait until a checkpoint has begun its work, once or more often."""
        waiting.until(lambda: self.effects.count(name) >= times, f"the effect {name}", seconds=SECONDS)

    def hold(self) -> Path:
        """Make the second checkpoint wait until the file is gone."""
        file = self.folder / "hold"
        file.touch()
        return file

    def head(self) -> Head:
        """Return what the journal says."""
        return log.read_head(self.store, self.paths)

    def answer(self, wait: str, value: JsonValue) -> None:
        """Answer a wait, as the operator stores it."""
        log.store_decision(self.store, self.paths, wait, Answer(request="r1", value=value, at=NOW))

    def lines(self) -> list[Mapping[str, JsonValue]]:
        """Return the lines of the execution's log."""
        prefix = f"{self.paths.root}/telemetry/"
        bodies = [self.store.get(found.key) or b"" for found in self.store.list(prefix)]
        return [json.loads(line) for body in bodies for line in body.splitlines()]

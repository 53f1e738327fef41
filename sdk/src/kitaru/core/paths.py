"""Where things lie in the store. The namespace comes first, so that credentials can be limited to it.

    <prefix>/<namespace>/executions/<id>/spec.json        frozen: flow version, inputs, image, settings
                                        /epoch/<n>        who runs attempt n
                                        /log/<slot>       the journal
                                        /segment/<k>      the records of slots 256k … 256k+255, once more
                                        /answers/<wait>   the first valid answer, abort or expiry
                                        /artifacts/<id>   outputs over 64 KiB, saved artifacts
                                        /telemetry/<attempt>-<n>   log lines, JSON lines
    <prefix>/<namespace>/cache/<checkpoint>/<inputs>      where a finished call lies that others may take over
    <prefix>/<namespace>/blobs/<sha256>                   large inputs and answers, source bundles
    <prefix>/<namespace>/flows/<flow>/<change>            what happened to a flow's versions and tags, locally

Slots, epochs and segments are zero-padded, so that a listing is in order. Nothing relies on a listing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Slots in a segment.
SEGMENT: Final = 256


@dataclass(frozen=True, slots=True)
class ExecutionPaths:
    """The keys of one execution, all below `root` (no slash at its end)."""

    root: str

    @property
    def spec(self) -> str:
        """The frozen execution spec."""
        return f"{self.root}/spec.json"

    def epoch(self, number: int) -> str:
        """The claim of an epoch."""
        return f"{self.root}/epoch/{number:08d}"

    def slot(self, number: int) -> str:
        """One slot of the log."""
        return f"{self.root}/log/{number:012d}"

    def segment(self, number: int) -> str:
        """The records of 256 slots, once more."""
        return f"{self.root}/segment/{number:08d}"

    def answer(self, wait: str) -> str:
        """What was decided for a wait; `wait` is a wait id, never just a name."""
        return f"{self.root}/answers/{wait}"

    def artifact(self, artifact: str) -> str:
        """A value too large for the log, or one that the user saved."""
        return f"{self.root}/artifacts/{artifact}"

    @property
    def telemetries(self) -> str:
        """What the keys of all telemetry begin with."""
        return f"{self.root}/telemetry/"

    def telemetry(self, attempt: int, number: int) -> str:
        """A batch of log lines of an attempt."""
        return f"{self.root}/telemetry/{attempt:08d}-{number:08d}"


def execution(prefix: str, namespace: str, uid: str) -> ExecutionPaths:
    """Return the keys of the execution `uid`: the resource's first `metadata.uid`, or the local execution's id."""
    return ExecutionPaths("/".join(part for part in (prefix.strip("/"), namespace, "executions", uid) if part))


def cached(prefix: str, namespace: str, key: str) -> str:
    """Return the object of a key of the cache, as `kitaru.core.caching` makes it."""
    return "/".join(part for part in (prefix.strip("/"), namespace, "cache", key) if part)


def blob(prefix: str, namespace: str, sha256: str) -> str:
    """Return the key of a blob that is named by the SHA-256 of its content, in hex."""
    return "/".join(part for part in (prefix.strip("/"), namespace, "blobs", sha256) if part)


def flows(prefix: str, namespace: str) -> str:
    """Return what the keys of all changes of flows begin with."""
    return "/".join(part for part in (prefix.strip("/"), namespace, "flows") if part) + "/"


def flow_change(prefix: str, namespace: str, flow: str, number: int) -> str:
    """Return the key of a change of a flow's versions and tags; they are counted from 0."""
    return f"{flows(prefix, namespace)}{flow}/{number:012d}"

"""The test cluster's port forwarder, and what it says of processes, on this machine's loopback."""

import os
import socket
import subprocess
import sys

from kitaru_cluster import pins, processes


def test_a_forwarder_carries_bytes_both_ways() -> None:
    """What a client sends arrives, the answer comes back, and each side's end is passed on."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_server(("127.0.0.1", 0)) as outside,
    ):
        target = f"{outside.fileno()}=127.0.0.1:{server.getsockname()[1]}"
        forwarder = subprocess.Popen(
            (sys.executable, "-m", "kitaru_cluster.forward", target),
            pass_fds=[outside.fileno()],
            env={"PYTHONPATH": str(pins.SOURCE)},
        )
        try:
            with socket.create_connection(outside.getsockname(), timeout=8) as client:
                client.sendall(b"question" * 100_000)
                client.shutdown(socket.SHUT_WR)
                server.settimeout(8)
                accepted, _ = server.accept()
                with accepted:
                    assert received(accepted) == b"question" * 100_000
                    accepted.sendall(b"answer")
                assert received(client) == b"answer"
        finally:
            forwarder.kill()
            forwarder.wait()


def received(connection: socket.socket) -> bytes:
    """Return all that arrives until the other side ends."""
    connection.settimeout(8)
    parts: list[bytes] = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def test_a_zombie_has_ended() -> None:
    """A process that nobody has reaped yet counts as ended; a running one does not."""
    with subprocess.Popen(("cat",), stdin=subprocess.PIPE) as child:
        assert not processes.ended(child.pid)
        assert child.pid in processes.children(os.getpid())
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert processes.ended(child.pid)

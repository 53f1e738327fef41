"""Port forwarders: sockets that listen outside the network namespace, served from within it.

A socket belongs for ever to the namespace in which it was made. So the launcher makes listening
sockets on the host's loopback and passes them on to this process, which lives in the cluster's
namespace: it accepts outside and connects inside.

Called as `python -m kitaru_cluster.forward FD=ADDRESS:PORT ...`.
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Sequence

_CHUNK = 1 << 18
_CONNECT_SECONDS = 10


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _serve(listener: socket.socket, host: str, port: int) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    inner_reader, inner_writer = await asyncio.open_connection(host, port)
            except OSError:
                return  # nothing listens there (yet): the client sees a closed connection
            with contextlib.closing(inner_writer):
                await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))

    server = await asyncio.start_server(handle, sock=listener)
    async with server:
        await server.serve_forever()


async def serve(forwards: Sequence[str]) -> None:
    """Serve each `FD=ADDRESS:PORT` until the process ends."""
    async with asyncio.TaskGroup() as group:
        for forward in forwards:
            descriptor, _, target = forward.partition("=")
            host, _, port = target.rpartition(":")
            group.create_task(_serve(socket.socket(fileno=int(descriptor)), host, int(port)))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1:]))

"""Run by `webhooks`: post signed payments at a fixed rate, print percentiles as JSON."""

from __future__ import annotations

import asyncio
import base64
import hmac
import sys
import time
from urllib.parse import urlsplit

import msgspec
import uvloop

from benchmarks.webhooks import percentiles
from tests.http.harness import a_payment

CONNECTIONS = 64


class Line:
    """A connection that is kept open."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, request: bytes) -> int:
        """
        Send a request and return the status of its answer.

        A server closes what was idle for some seconds; then the request is sent anew, as any
        client does. The clock goes on meanwhile.
        """
        if self.streams is not None:
            try:
                return await self._ask(*self.streams, request)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.streams[1].close()
        self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        return await self._ask(*self.streams, request)

    @staticmethod
    async def _ask(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
    ) -> int:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        length = next(int(one[15:]) for one in lines if one.startswith("content-length:"))
        await reader.readexactly(length)
        return int(lines[0].split()[1])


def requests(hook: str, key: str, merchant: str, location: str, count: int) -> list[bytes]:
    """Return signed requests, made before the clock runs."""
    made = []
    for number in range(count):
        payment = a_payment(
            f"PBENCH{number}", 100 + number, merchant=merchant, location=location
        )
        body = msgspec.json.encode(payment)
        mac = base64.b64encode(hmac.digest(key.encode(), hook.encode() + body, "sha256"))
        head = (
            f"POST {urlsplit(hook).path} HTTP/1.1\r\nhost: localhost\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"x-square-hmacsha256-signature: {mac.decode()}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


async def send(port: int, bodies: list[bytes], rate: int) -> list[float]:
    """Post each body when it is due; return the seconds from then to its 202."""
    free: asyncio.LifoQueue[Line] = asyncio.LifoQueue(CONNECTIONS)
    for _ in range(CONNECTIONS):
        free.put_nowait(Line(port))
    took: list[float] = []

    async def one(request: bytes, due: float) -> None:
        line = await free.get()
        try:
            if await line.post(request) == 202:
                took.append(time.perf_counter() - due)
        finally:
            free.put_nowait(line)

    begin = time.perf_counter() + 0.1
    async with asyncio.TaskGroup() as group:
        for number, request in enumerate(bodies):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(request, due))
    return took


def main(port: str, hook: str, key: str, merchant: str, location: str, *speed: str) -> None:
    """Send and tell."""
    rate, seconds = map(int, speed)
    bodies = requests(hook, key, merchant, location, rate * seconds)
    took = uvloop.run(send(int(port), bodies, rate))
    sys.stdout.buffer.write(msgspec.json.encode(percentiles(took, len(bodies))))


if __name__ == "__main__":
    main(*sys.argv[1:])

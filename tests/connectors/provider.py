"""A provider on the loopback that answers by a function of what it is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    at_ns: int = field(default_factory=time.monotonic_ns)


Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[Asked], Answer]


class Provider:
    def __init__(self, handler: Handler, delay_s: float) -> None:
        self.handler = handler
        self.delay_s = delay_s
        self.asked: list[Asked] = []
        self.url = ""

    def at(self, path: str) -> list[Asked]:
        return [one for one in self.asked if one.path == path]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
            pairs = (line.partition(":") for line in head[1:] if line)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            method, target, _ = head[0].split(" ")
            url = urlsplit(target)
            asked = Asked(method, url.path, parse_qs(url.query), headers, body)
            self.asked.append(asked)
            status, told, text = self.handler(asked)
            await asyncio.sleep(self.delay_s)
            lines = [f"HTTP/1.1 {status} X", f"content-length: {len(text)}"]
            lines += [f"{name}: {value}" for name, value in told.items()]
            writer.write("\r\n".join([*lines, "connection: close", "", ""]).encode() + text)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def provider(handler: Handler, *, delay_s: float = 0.0) -> AsyncIterator[Provider]:
    stub = Provider(handler, delay_s)
    server = await asyncio.start_server(stub.talk, "127.0.0.1", 0, backlog=256)
    stub.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stub
    finally:
        server.close()


def busiest(asked: list[Asked], seconds: float) -> int:
    """Return the most calls that arrived within any window of so many seconds."""
    times = sorted(one.at_ns for one in asked)
    window = int(seconds * 1e9)
    return max(sum(1 for at in times if begin <= at < begin + window) for begin in times)

"""The running Tillstream, asked over its own HTTP API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, Self

import msgspec

from connectors.contract import ConnectorError, CredentialsError, Request
from connectors.contract import Response as HttpAnswer
from connectors.exchange import Exchange
from streams.errors import SetupError

TIMEOUT_S = 30
REFUSED = 400


class Refused(msgspec.Struct, frozen=True):
    """What of a problem (RFC 9457) a person needs."""

    title: str = "refused"
    detail: str = ""


class Api:
    """
    Calls with one key.

    Args:
        url: scheme, host and port.
        key: a tenant's API key, or the admin key.
    """

    def __init__(self, url: str, key: str) -> None:
        self._exchange = Exchange(
            url,
            authorization=f"Bearer {key}",
            timeout_s=TIMEOUT_S,
            attempts=1,
            repeatable=lambda request: request.method == "GET",
        )
        self._url = url

    async def call(
        self, method: str, path: str, body: object = None, **query: str | int | None
    ) -> Any:
        """
        Make one call and return the decoded answer.

        Raises:
            SetupError: nobody answers there, the key is not accepted, or the call is refused.
        """
        answer = await self.answer(method, path, body, **query)
        if answer.status >= REFUSED:
            problem = msgspec.json.decode(answer.body, type=Refused)
            raise SetupError(": ".join(filter(None, (problem.title, problem.detail))))
        return msgspec.json.decode(answer.body) if answer.body else None

    async def answer(
        self, method: str, path: str, body: object = None, **query: str | int | None
    ) -> HttpAnswer:
        """
        Make one call and return the answer, also one that refuses.

        Raises:
            SetupError: nobody answers there, or the key is not accepted.
        """
        request = Request(
            method=method,
            path=path,
            query=tuple((name, str(it)) for name, it in query.items() if it is not None),
            body=None if body is None else msgspec.json.encode(body),
        )
        try:
            return await self._exchange.ask(request)
        except CredentialsError:
            raise SetupError(
                "the key is not accepted; set TILLSTREAM_API_KEY, or TILLSTREAM_ADMIN_KEY for "
                "what the operator does"
            ) from None
        except ConnectorError as error:
            raise SetupError(f"{self._url} does not answer: {error}") from None

    async def items(self, path: str, **query: str | int | None) -> list[Any]:
        """Return the items of all pages."""
        found: list[Any] = []
        cursor: str | None = None
        while True:
            page = await self.call("GET", path, cursor=cursor, **query)
            found += page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return found

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exchange.close()


def long(url: str, key: str, operation: Callable[[Api], Awaitable[None]]) -> None:
    """
    Carry out what takes many calls, and keeps how far it is.

    Raises:
        SetupError: as `Api.call`.
    """

    async def run() -> None:
        async with Api(url, key) as api:
            try:
                await operation(api)
            except SetupError as error:
                raise SetupError(f"{error}; the same command will go on where it was") from None

    asyncio.run(run())


def asked(url: str, key: str, *calls: tuple[str, str, object]) -> Iterator[Any]:
    """Make calls one after the other, for commands that do nothing else."""

    async def run() -> list[Any]:
        async with Api(url, key) as api:
            return [await api.call(method, path, body) for method, path, body in calls]

    yield from asyncio.run(run())


def listed(url: str, key: str, path: str, **query: str | None) -> list[Any]:
    """Return the items of all pages, for commands that do nothing else."""

    async def run() -> list[Any]:
        async with Api(url, key) as api:
            return await api.items(path, **query)

    return asyncio.run(run())

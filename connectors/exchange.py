"""
The one place that talks HTTP to providers: carries out a connector's conversations.

It knows what every provider has in common: time limits, rate limits, what to try again and how
long to wait. What an answer means stays with the connector.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

import httpx
import msgspec
import stamina
from aiolimiter import AsyncLimiter

from connectors.awake import awake_for
from connectors.contract import (
    Conversation,
    CredentialsError,
    Delivery,
    Page,
    PermanentError,
    Request,
    Response,
    TransientError,
)
from connectors.instants import http_date
from connectors.limits import (
    Bucket,
    Budget,
    LeakyBucket,
    Limit,
    Limiter,
    Quota,
    Slices,
    Window,
    admitted,
)
from connectors.slices import SliceKeeper

MAX_BODY = 64 * 1024 * 1024
"""Bytes of one answer; the largest honest ones (500 orders) are a hundredth of that."""

LONGEST_WAIT = timedelta(seconds=60)
"""No wait is longer, whatever a Retry-After asks: the next poll asks again anyway."""

AT_ONCE = timedelta(milliseconds=1)

UNAUTHORISED, FORBIDDEN, TOO_MANY, FAILED = 401, 403, 429, 500


DEFAULT_BUDGET = Budget(10)


class Patience(msgspec.Struct, frozen=True):
    """
    How long to keep trying.

    Args:
        timeout_s: of one attempt, from the connection to the last byte.
        attempts: in all; the waits between them double from `first_wait` and have jitter.
    """

    timeout_s: int = 30
    attempts: int = 5
    first_wait: timedelta = timedelta(milliseconds=500)
    longest_wait: timedelta = LONGEST_WAIT


class _AgainError(Exception):
    """This attempt failed and another may not; `wait` is what the provider asked for."""

    def __init__(self, why: str, wait: timedelta | None = None) -> None:
        super().__init__(why)
        self.wait = wait


@runtime_checkable
class Authority(Protocol):
    """Gives the authorisation of each call, and hears when the provider refuses it."""

    async def header(self) -> str:
        """
        Return the whole value of the header.

        Raises:
            TransientError, CredentialsError, PermanentError: there is none.
        """
        ...

    def refused(self, header: str) -> bool:
        """Say whether another try may have a better one."""
        ...


class _Pace:
    def __init__(self, budget: Budget) -> None:
        self._limiter = AsyncLimiter(budget.calls, budget.seconds)

    async def enter(self, request: Request) -> None:
        del request
        await self._limiter.acquire()

    def leave(self, request: Request, headers: Mapping[str, str] | None) -> None:
        pass


def limiter_of(limit: Limit) -> Limiter:
    """Return a new limiter; exchanges that share a limit must be given the same one."""
    match limit:
        case Budget():
            return _Pace(limit)
        case Quota():
            return Window(limit)
        case Bucket():
            return LeakyBucket(limit)
        case Slices():
            return SliceKeeper(limit)


async def carried_out(
    conversation: Conversation, answered: Callable[[Request], Awaitable[Response]]
) -> AsyncGenerator[Page, None]:
    """Hand on the pages that a conversation brings; what it asks is answered by `answered`."""
    answer: Response | None = None
    try:
        while True:
            try:
                said = conversation.send(answer)
            except StopIteration:
                return
            if isinstance(said, Page):
                yield said
                answer = None
            else:
                answer = await answered(said)
    finally:
        conversation.close()


def unless_once(request: Request) -> bool:
    """Say whether a request may be sent twice: polls and fetches only read, POST or not."""
    return not request.once


async def unfenced() -> None:
    """Let every write through."""


class Exchange:
    """
    The way to one account at one provider; rate limits are counted here.

    Args:
        base_url: scheme and host, without a slash at the end.
        authorization: the whole value of the header, or what gives the current one.
        budgets: limits by `Request.budget`; names that are not here use "default".
        limiters: the same as limiters, where exchanges share them; in place of `budgets`.
        repeatable: says of a request that carrying it out twice does no harm.
        fence: asked right before each write that must not be done twice; raises to prevent it.
        client: shared between accounts; without one the exchange has its own to close.
    """

    def __init__(
        self,
        base_url: str,
        *,
        authorization: Authority | Callable[[], str] | str = "",
        headers: Mapping[str, str] | None = None,
        budgets: Mapping[str, Budget] | None = None,
        limiters: Mapping[str, Sequence[Limiter]] | None = None,
        timeout_s: int = 30,
        attempts: int = 5,
        patience: Patience | None = None,
        repeatable: Callable[[Request], bool] = unless_once,
        fence: Callable[[], Awaitable[None]] = unfenced,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._authorization = authorization
        self._headers = dict(headers or {})
        self._limiters = dict(limiters or {})
        for name, budget in {"default": DEFAULT_BUDGET, **(budgets or {})}.items():
            self._limiters.setdefault(name, (limiter_of(budget),))
        self._patience = patience or Patience(timeout_s=timeout_s, attempts=attempts)
        self._repeatable = repeatable
        self._fence = fence
        self._owned = client is None
        self._client = client or new_client()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections, unless they are shared."""
        if self._owned:
            await self._client.aclose()

    def converse(self, conversation: Conversation) -> AsyncGenerator[Page, None]:
        """
        Carry a conversation out and hand on the pages it brings.

        Raises:
            TransientError: the provider could not be reached or is overloaded, also after
                all attempts.
            CredentialsError: it no longer accepts the credentials.
            PermanentError: it refused, or answered what no one can read.
        """
        return carried_out(conversation, self.ask)

    async def ask(self, request: Request) -> Response:
        """
        Make one call, trying again as long as that can help and the patience lasts.

        Raises:
            TransientError, CredentialsError, PermanentError: as in `converse`.
        """
        patience = self._patience
        try:
            async for attempt in stamina.retry_context(
                on=_wait_for,
                attempts=patience.attempts,
                timeout=None,
                wait_initial=patience.first_wait,
                wait_jitter=patience.first_wait,
                wait_max=patience.longest_wait,
            ):
                with attempt:
                    return await self._attempt(request)
        except _AgainError as error:
            tries = patience.attempts if self._repeatable(request) else 1
            raise TransientError(f"{request.path}: {error}, after {tries} attempts") from None
        raise AssertionError("the retry loop ends with a return or an error")

    async def _attempt(self, request: Request) -> Response:
        passing = self._limiters.get(request.budget) or self._limiters["default"]
        # it may have to be asked for, and that call may have to pass the same limiters
        authorization = await self._authorized()
        async with admitted(passing, request) as answered:
            if request.once:
                await self._fence()
            try:
                async with awake_for(self._patience.timeout_s):
                    answer = await self._send(request, authorization)
            except (TimeoutError, httpx.TransportError) as error:
                # the library's own message may quote headers: only its type is told
                failure = _AgainError(f"no answer ({type(error).__name__})")
                if self._repeatable(request) or isinstance(error, httpx.ConnectError):
                    raise failure from None
                raise TransientError(f"{request.path}: {failure}") from None
            answered.headers = answer.headers
        if answer.status == UNAUTHORISED and self._another(authorization):
            raise _AgainError("the token was refused", AT_ONCE)
        return self._judged(request, answer)

    def _judged(self, request: Request, answer: Response) -> Response:
        """Return an answer that is for the conversation, raise for the others."""
        if answer.status == FORBIDDEN and request.forgone:
            return answer
        if answer.status in {UNAUTHORISED, FORBIDDEN}:
            raise CredentialsError(
                f"{request.path}: the provider answered {answer.status}; reconnect the account"
            )
        if answer.status == TOO_MANY:
            raise _AgainError("rate limited", retry_after(answer.headers, datetime.now(UTC)))
        if answer.status >= FAILED:
            why = f"the provider answered {answer.status}"
            if self._repeatable(request):
                raise _AgainError(why, retry_after(answer.headers, datetime.now(UTC)))
            raise TransientError(f"{request.path}: {why}")
        return answer

    async def _send(self, request: Request, authorization: str) -> Response:
        headers = dict(self._headers)
        if authorization:
            headers["authorization"] = authorization
        if request.body is not None:
            headers.setdefault("content-type", request.content_type)
        async with self._client.stream(
            request.method,
            self._base_url + request.path,
            params=list(request.query) or None,
            content=request.body,
            headers=headers,
        ) as answer:
            body = bytearray()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > MAX_BODY:
                    raise PermanentError(f"{request.path}: the answer exceeds {MAX_BODY} bytes")
            return Response(
                status=answer.status_code, body=bytes(body), headers=dict(answer.headers)
            )

    async def _authorized(self) -> str:
        held = self._authorization
        if isinstance(held, Authority):
            value = await held.header()
        else:
            value = held if isinstance(held, str) else held()
        if value and not (value.isascii() and value.isprintable()):
            raise CredentialsError(
                "the credentials hold what no header may hold; enter them anew"
            )
        return value

    def _another(self, authorization: str) -> bool:
        held = self._authorization
        return isinstance(held, Authority) and held.refused(authorization)


def new_client(connections: int = 20) -> httpx.AsyncClient:
    """Return a client to share between exchanges; it follows no redirects, keeps no cookies."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncClient(limits=limits, timeout=None, follow_redirects=False)  # noqa: S113


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """
    Read how long to wait: seconds or an HTTP date (RFC 9110, 10.2.3), at most LONGEST_WAIT.

    A date is by the provider's clock, so it is measured from the answer's own Date (6.6.1), and
    from `now` where there is none. Returns None when the header is absent or unreadable.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT)
    if (until := http_date(text)) is None:
        return None
    wait = until - (http_date(headers.get("date", "")) or now)
    return max(timedelta(0), min(wait, LONGEST_WAIT))


def _wait_for(error: Exception) -> bool | timedelta:
    """Tell the retry loop whether and how long to wait; only `_AgainError` is worth it."""
    if not isinstance(error, _AgainError):
        return False
    return True if error.wait is None else error.wait


class Sender:
    """
    Posts webhook deliveries, as a provider does; the simulators use it.

    Args:
        client: shared; without one the sender has its own to close.
    """

    def __init__(self, *, timeout_s: int = 10, client: httpx.AsyncClient | None = None) -> None:
        self._timeout_s = timeout_s
        self._owned = client is None
        self._client = client or new_client(connections=64)

    async def deliver(self, delivery: Delivery) -> int:
        """
        Post one delivery to its URL and return the status of the answer.

        Raises:
            TransientError: nobody answered in time.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._client.post(
                    delivery.url, content=delivery.body, headers=dict(delivery.headers)
                )
        except (TimeoutError, httpx.TransportError) as error:
            raise TransientError(f"no answer ({type(error).__name__})") from None
        return answer.status_code

    async def close(self) -> None:
        """Close the connections, unless they are shared."""
        if self._owned:
            await self._client.aclose()

"""
Tokens for SASL OAUTHBEARER: got by client credentials, kept until shortly before their end.

Clients of two libraries ask, from the loops and threads of each; all share one token. The
libraries ask once a connection: brokers that end a session with its token (they set
`connections.max.reauth.ms`) close the connection, and the next one begins with a newer token.
"""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec
import structlog
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError
from kafka.errors import KafkaConnectionError as AdminConnectionError
from kafka.net.sasl.oauth import AbstractTokenProvider as AdminTokenProvider

from connectors.access import Grant
from connectors.contract import ConnectorError, CredentialsError, PermanentError, Request
from connectors.exchange import Exchange
from streams.errors import SetupError
from streams.tokens import renew_at

logger = structlog.get_logger(__name__)

TIMEOUT_S = 10
MARGIN_S = 60
SHORTEST_REST = timedelta(seconds=5)
OK = 200
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class _Answer(msgspec.Struct, frozen=True):
    """A token as RFC 6749, 5.1 has it; `expires_in` in seconds, absent is not known."""

    access_token: str
    expires_in: int | None = None


class ClientCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """
    Who we are at the token endpoint (RFC 6749, 4.4).

    Args:
        token_url: https, or http on this machine: the secret goes there.
        scope: what is asked for, separated by spaces; empty asks for the default.
    """

    token_url: str
    client_id: str
    secret: str
    scope: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.token_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
            raise SetupError("TILLSTREAM_KAFKA__TOKEN_URL must begin with https://")

    def __repr__(self) -> str:
        return f"ClientCredentials({self.client_id!r})"

    def request(self) -> Request:
        """Return the call that brings a token."""
        form = {"grant_type": "client_credentials"}
        if self.scope:
            form["scope"] = self.scope
        parts = urlsplit(self.token_url)
        return Request(
            method="POST",
            path=parts.path + (f"?{parts.query}" if parts.query else ""),
            body=urlencode(form).encode(),
            content_type="application/x-www-form-urlencoded",
        )

    def authorization(self) -> str:
        """Return the header of that call (RFC 6749, 2.3.1)."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
        return f"Basic {b64encode(pair.encode()).decode()}"


class Tokens:
    """The current token, asked for by any thread; one asks, the others wait for it."""

    def __init__(
        self,
        credentials: ClientCredentials,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._lock = threading.Lock()
        self._grant: Grant | None = None
        self._renew_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Tokens({self._credentials!r})"

    def current(self) -> str:
        """
        Return a token that is good for a while; blocks, so call it in a thread.

        Raises:
            ConnectorError: there is none; the text holds neither secret nor token.
        """
        with self._lock:
            now = self._clock()
            grant = self._grant
            if grant is None or (self._renew_at is not None and now >= self._renew_at):
                grant = self._renewed(grant, now)
            return grant.access_token

    def _renewed(self, old: Grant | None, now: datetime) -> Grant:
        try:
            # A thread of its own, for the caller's may have a loop that runs.
            with ThreadPoolExecutor(1) as thread:
                grant = thread.submit(asyncio.run, self._ask()).result()
        except ConnectorError as error:
            logger.warning("kafka-token-not-renewed", error=str(error))
            if old is None or old.expires_at is None or old.expires_at <= now:
                raise
            self._renew_at = now + SHORTEST_REST
            return old
        self._grant, self._renew_at = grant, renew_at(grant, now, MARGIN_S)
        return grant

    async def _ask(self) -> Grant:
        parts = urlsplit(self._credentials.token_url)
        exchange = Exchange(
            f"{parts.scheme}://{parts.netloc}",
            authorization=self._credentials.authorization(),
            headers={"accept": "application/json"},
            timeout_s=TIMEOUT_S,
            attempts=2,
        )
        async with exchange:
            answer = await exchange.ask(self._credentials.request())
        if answer.status != OK:
            raise CredentialsError(f"the token endpoint answered {answer.status}")
        try:
            found = msgspec.json.decode(answer.body, type=_Answer)
        except msgspec.MsgspecError:
            raise PermanentError("the token endpoint's answer holds no token") from None
        ends = None
        if found.expires_in is not None:
            ends = self._clock() + timedelta(seconds=found.expires_in)
        return Grant(access_token=found.access_token, expires_at=ends)


def signed_in(tokens: Tokens) -> None:
    """
    Get the first token; blocks.

    Raises:
        SetupError: there is none, and what to look at.
    """
    try:
        tokens.current()
    except ConnectorError as error:
        raise SetupError(
            f"no token for the brokers: {error}; check TILLSTREAM_KAFKA__TOKEN_URL, "
            "…CLIENT_ID and …CLIENT_SECRET"
        ) from None


class ClientTokens(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka is untyped
    """Tokens as clients of aiokafka ask for them."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def token(self) -> str:
        """
        Return the token.

        Raises:
            KafkaConnectionError: there is none; the client tries again as after any failure.
        """
        try:
            return await asyncio.to_thread(self._tokens.current)
        except ConnectorError as error:
            raise KafkaConnectionError(f"no token: {error}") from None


class AdminTokens(AdminTokenProvider):  # type: ignore[misc]  # kafka-python is untyped
    """Tokens as clients of kafka-python ask for them."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__()
        self._tokens = tokens

    def token(self) -> str:
        """
        Return the token.

        Raises:
            KafkaConnectionError: there is none.
        """
        try:
            return self._tokens.current()
        except ConnectorError as error:
            raise AdminConnectionError(f"no token: {error}") from None

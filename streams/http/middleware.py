"""Around every request: an id, a log line, a limit to the body, and no naked error."""

from __future__ import annotations

import re
import time
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.http.problems import problem

logger = structlog.get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_ERROR = 500
_REFUSED = 400
TOO_LARGE = "the body is larger than this resource takes"


class RequestContext:
    """Gives each request an id, logs it, and answers 500 when something of ours breaks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application around one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get("x-request-id"))
        status, began = 0, time.perf_counter()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        # a server may run several requests of a connection in one context
        structlog.contextvars.clear_contextvars()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, answer)
            except Exception:
                logger.exception("request_failed", path=scope["path"])
                if status:
                    raise
                await problem(_ERROR, "an error of ours; it is in the log")(
                    scope, receive, answer
                )
            finally:
                _log(scope, status, time.perf_counter() - began)


def _request_id(given: str | None) -> str:
    return given if given and _REQUEST_ID.fullmatch(given) else str(uuid4())


def _log(scope: Scope, status: int, seconds: float) -> None:
    """Log what was refused or failed; the rest only where somebody asks for it (debug)."""
    say = logger.debug if 0 < status < _REFUSED else logger.info
    say(
        "request",
        method=scope["method"],
        path=scope["path"],
        status=status,
        seconds=round(seconds, 4),
    )


class BodyLimit:
    """
    Refuses bodies that are too large, before they are read where their length is told.

    Args:
        most: bytes of any body.
        webhooks: bytes of a body below `path`.
    """

    def __init__(self, app: ASGIApp, *, most: int, webhooks: int, path: str) -> None:
        self._app = app
        self._most = most
        self._webhooks = webhooks
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application with a body that ends at the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._webhooks if scope["path"].startswith(self._path) else self._most
        told = Headers(scope=scope).get("content-length", "")
        if told.isdecimal() and (len(told) > 15 or int(told) > limit):  # noqa: PLR2004
            await problem(413, TOO_LARGE, headers={"connection": "close"})(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise HTTPException(413, TOO_LARGE, {"connection": "close"})
            return message

        await self._app(scope, counted, send)

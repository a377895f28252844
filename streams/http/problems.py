"""Errors as people and programs read them: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from streams.log import LogUnavailableError
from streams.views import NotReadyError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
COMPLAINTS_MAX = 20
LOCATION_LENGTH_MAX = 64

_TYPES = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
    500: "internal",
    502: "provider",
    503: "unavailable",
}


class ProblemError(Exception):
    """
    An answer that is an error.

    Args:
        detail: for a person; never what the sender sent, never a secret.
        extra: further members of the problem.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


def not_found(what: str) -> ProblemError:
    """Return the one answer for what is absent and for what is another tenant's."""
    return ProblemError(404, f"there is no such {what}")


def unavailable(detail: str) -> ProblemError:
    """Return "try again": nothing of the request has been lost or done halfway."""
    return ProblemError(503, detail, headers={"retry-after": str(RETRY_AFTER_S)})


def problem(
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """Return the response of a problem, with the id that its log lines carry."""
    members: dict[str, Any] = {
        "type": f"urn:tillstream:problem:{_TYPES.get(status, 'error')}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id:
        members["request_id"] = request_id
    body = msgspec.json.encode(members | dict(extra or {}))
    return Response(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def register(app: FastAPI) -> None:
    """Have every error of a route answered as a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(LogUnavailableError, _on_unavailable)
    app.add_exception_handler(NotReadyError, _on_unavailable)


async def _on_problem(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ProblemError):
        raise error
    return problem(error.status, error.detail, headers=error.headers, extra=error.extra)


async def _on_http(_request: Request, error: Exception) -> Response:
    """Answer what the framework refuses; its details say nothing of the request."""
    if not isinstance(error, HTTPException):
        raise error
    details = {
        404: "there is no such resource",
        405: "this resource does not answer this method",
        400: "the body cannot be read",
    }
    detail = details.get(error.status_code, str(error.detail))
    return problem(error.status_code, detail, headers=error.headers)


async def _on_invalid(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return problem(
        422,
        "the request does not have the documented form",
        extra={"errors": _complaints(error.errors())},
    )


def _complaints(errors: Sequence[Any]) -> list[dict[str, str]]:
    """Say where and what, never what was given: it may be a token in the wrong field."""
    return [
        {
            "at": "/".join(str(part)[:LOCATION_LENGTH_MAX] for part in found["loc"][:8]),
            "problem": _said(found),
        }
        for found in errors[:COMPLAINTS_MAX]
    ]


def _said(found: Mapping[str, Any]) -> str:
    if found["type"] == "json_invalid":
        return "not JSON"
    if found["type"] == "extra_forbidden":
        return "unknown field"
    return str(found["msg"])


async def _on_unavailable(_request: Request, error: Exception) -> Response:
    headers = {"retry-after": str(RETRY_AFTER_S)}
    match error:
        case NotReadyError():
            return problem(503, "the tables are being opened; ask again", headers=headers)
        case _:
            return problem(503, "the log cannot take writes; try again", headers=headers)

"""
What the token calls of all providers have in common (RFC 6749, 5).

Bodies hold secrets: the exchange logs none, and no error repeats a word of them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec

from connectors.access import Grant
from connectors.contract import Conversation, GrantOverError, Page, PermanentError, Request

FORM = "application/x-www-form-urlencoded"
LONGEST_LIFE_S = 10 * 366 * 86_400

_OK, _BAD_REQUEST = 200, 400


class _Tokens(msgspec.Struct):
    access_token: str
    refresh_token: str | None = None
    expires_in: int | str | None = None


class _Refusal(msgspec.Struct):
    error: str = ""


_tokens = msgspec.json.Decoder(_Tokens)
_refusal = msgspec.json.Decoder(_Refusal)


def form_request(path: str, fields: dict[str, str]) -> Request:
    """Return a token call whose fields are form-encoded in the body."""
    return Request(
        method="POST",
        path=path,
        body=urlencode(fields).encode(),
        content_type=FORM,
        budget="oauth",
    )


def token_call(request: Request) -> Conversation:
    """
    Make one token call, as one body of the page "grant".

    Raises:
        GrantOverError: what was to be exchanged is no longer good.
        PermanentError: the call itself is wrong, mostly the application's settings.
    """
    answer = yield request
    if answer is None:
        raise PermanentError(f"{request.path}: a request was sent no response")
    if answer.status == _OK:
        yield Page(resource="grant", bodies=(answer.body,))
        return
    if answer.status == _BAD_REQUEST and _reason(answer.body) == "invalid_grant":
        raise GrantOverError(f"{request.path}: what was exchanged is no longer good")
    raise PermanentError(
        f"{request.path}: no token, the provider answered {answer.status}; "
        "check the application's id and secret"
    )


def _reason(body: bytes) -> str:
    try:
        return _refusal.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def read_grant(body: bytes, now: datetime) -> Grant:
    """
    Read the answer of a token call.

    Raises:
        PermanentError: it is none; the message holds nothing of it.
    """
    try:
        found = _tokens.decode(body)
        lives = None if found.expires_in is None else int(found.expires_in)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        raise PermanentError("the answer of the token call cannot be read") from None
    return Grant(
        access_token=found.access_token,
        refresh_token=found.refresh_token or None,
        expires_at=None if lives is None else ends(now, lives),
    )


def ends(now: datetime, lives_s: int) -> datetime:
    """Return when a token ends that lives so long from now."""
    return now + timedelta(seconds=min(max(lives_s, 0), LONGEST_LIFE_S))

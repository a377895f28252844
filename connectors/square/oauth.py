"""
Obtain, renew and give back a merchant's authorisation.

Bodies hold secrets: the exchange logs none. In the code flow the refresh token stays the same
and does not expire; with PKCE each renewal brings a new one, which must be kept.

Source: developer.squareup.com/docs/oauth-api, reference/square/o-auth/obtain-token
"""

from __future__ import annotations

import msgspec

from connectors.contract import Conversation, Page, PermanentError, Request
from connectors.square.api import Instant, ask


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What Square granted; `refresh_token` is what renews it. Never log it."""

    access_token: str
    merchant_id: str
    expires_at: Instant | None = None
    refresh_token: str = ""

    def __repr__(self) -> str:
        return f"Grant(merchant_id={self.merchant_id!r})"


_grant = msgspec.json.Decoder(Grant)


def obtain(client_id: str, client_secret: str, code: str, redirect_uri: str) -> Conversation:
    """Exchange the code of a finished sign-in for a grant, one body of the page "grant"."""
    return _token(
        {
            "client_id": client_id,
            "client_secret": client_secret,
            "code": code,
            "redirect_uri": redirect_uri,
            "grant_type": "authorization_code",
        }
    )


def renew(client_id: str, client_secret: str, refresh_token: str) -> Conversation:
    """Exchange a refresh token for a new access token, one body of the page "grant"."""
    return _token(
        {
            "client_id": client_id,
            "client_secret": client_secret,
            "refresh_token": refresh_token,
            "grant_type": "refresh_token",
        }
    )


def revoke(client_id: str, merchant_id: str) -> Conversation:
    """
    Give all of a merchant's tokens back.

    The exchange has to authorise with "Client <application secret>", not with the token.
    """
    body = msgspec.json.encode({"client_id": client_id, "merchant_id": merchant_id})
    yield from ask(Request(method="POST", path="/oauth2/revoke", body=body, budget="oauth"))


def _token(request: dict[str, str]) -> Conversation:
    body = msgspec.json.encode(request)
    talk = yield from ask(
        Request(method="POST", path="/oauth2/token", body=body, budget="oauth")
    )
    yield Page(resource="grant", bodies=(talk.body,))


def parse_grant(body: bytes) -> Grant:
    """
    Read a grant.

    Raises:
        PermanentError: it is none; the message holds nothing of it.
    """
    try:
        return _grant.decode(body)
    except msgspec.DecodeError:
        raise PermanentError("Square's grant cannot be read") from None

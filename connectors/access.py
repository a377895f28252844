"""
How a provider is called: where it is, what every call carries, its limits and its tokens.

An `Access` is a description without I/O: `exchange` makes the calls, whoever holds the accounts
keeps the tokens. A provider without one is not called by HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from connectors.contract import Conversation, Page, PermanentError
from connectors.limits import Limit

_MERCHANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
MERCHANT = "{merchant}"


class PlaceError(PermanentError):
    """The merchant is needed to call the provider, and is missing or cannot be one."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Whom at a provider a call is about: an account's, or of one that is being set up."""

    merchant: str = ""
    location_id: str = ""


class LocationFacts(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a provider tells of a location when an account is set up.

    Args:
        currency: None where the provider does not say.
        cut_off_hour: a sale before it belongs to the day before; None where it does not say.
    """

    location_id: str
    merchant: str
    name: str
    timezone: str
    currency: str | None = None
    cut_off_hour: int | None = None


class Application(msgspec.Struct, frozen=True):
    """Who we are at a provider."""

    client_id: str
    secret: str

    def __repr__(self) -> str:
        return f"Application({self.client_id!r})"


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """
    A token that a provider gave; never log it.

    Args:
        refresh_token: None when the one that was used stays good, or there is none.
        expires_at: None is unknown or never.
    """

    access_token: str
    refresh_token: str | None = None
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return "Grant([hidden])"


def no_authorization(_application: Application) -> str:
    """Return that a token call carries its credentials in its body."""
    return ""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """
    The application logs in by its own id and secret; one token is good for all its merchants.

    Args:
        ask: the conversation; it brings one body.
        read: that body and the time of now make the grant.
        margin_s: how long before its end a token is renewed.
    """

    ask: Callable[[Application], Conversation]
    read: Callable[[bytes, datetime], Grant]
    margin_s: int = 300


class Renewal(msgspec.Struct, frozen=True, kw_only=True):
    """
    A merchant's token is renewed by a refresh token (RFC 6749, 6).

    Args:
        ask: the conversation with the refresh token; it brings one body.
        read, margin_s: as in `Login`.
        authorization: the header of the call, where the provider wants one.
    """

    ask: Callable[[Application, str], Conversation]
    read: Callable[[bytes, datetime], Grant]
    margin_s: int = 300
    authorization: Callable[[Application], str] = no_authorization


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser brought back, and what the provider compares it with; never log it."""

    code: str
    redirect_uri: str
    verifier: str | None = None

    def __repr__(self) -> str:
        return "Code([hidden])"


class Consented(msgspec.Struct, frozen=True, kw_only=True):
    """What a merchant's consent brought; `merchant` is empty where its tokens do not say."""

    grant: Grant
    merchant: str = ""


class Whose(msgspec.Struct, frozen=True, kw_only=True):
    """
    How to learn whose tokens they are, where neither they nor the browser tell.

    `ask` is a conversation at what of `Access.base_url` stands before the merchant.
    """

    ask: Callable[[], Conversation]
    read: Callable[[Sequence[Page]], str]


def nothing_told(_query: Mapping[str, str]) -> str:
    """Return that the browser does not say which merchant it was."""
    return ""


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a merchant lets us in by the browser (RFC 6749, 4.1).

    Args:
        path: of the page of consent, below where the operator has set such pages to be.
        scopes: what we ask for: reading, never writing.
        pkce: whether a challenge goes along (RFC 7636).
        ask: the exchange of the code; it brings one body, which `read` reads.
        more: further parameters of the page.
        merchant: what the browser's return says of the merchant; checked before it is used.
        whose: asks for the merchant afterwards.
        locations, listed: all locations that the tokens open.
        shared: whether several accounts may keep the same pair of tokens: only where a
            renewal leaves the refresh token as it is.
    """

    path: str
    scopes: tuple[str, ...]
    pkce: bool
    ask: Callable[[Application, Code], Conversation]
    read: Callable[[bytes, datetime], Consented]
    more: Mapping[str, str] = {}
    merchant: Callable[[Mapping[str, str]], str] = nothing_told
    whose: Whose | None = None
    locations: Callable[[], Conversation]
    listed: Callable[[Sequence[Page], str], list[LocationFacts]]
    shared: bool = False


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where a provider is to send its webhooks.

    Args:
        user, secret: what they are to carry (Basic), where the provider signs nothing.
    """

    url: str
    user: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return f"Target({self.url!r})"


class Subscribed(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a provider sends somewhere.

    Args:
        on: whether it sends at the moment.
        about: what it tells of, in its own words.
    """

    subscription_id: str
    url: str
    on: bool
    about: tuple[str, ...]


class Webhooks(msgspec.Struct, frozen=True, kw_only=True):
    """
    How an account's own authorisation sets webhooks up; all of it may be done again.

    Args:
        ensure: has webhooks about a place sent to a target, and tells of each thing that it
            had to put right by a page.
        known: brings one page of what is sent, each body a `Subscribed` as JSON.
        remove: has nothing about a place sent to a target any more, with a page for each
            thing that it took away; what leads elsewhere stays.
    """

    ensure: Callable[[Place, Target], Conversation]
    known: Callable[[Place, Target], Conversation]
    remove: Callable[[Place, Target], Conversation]


def no_headers(_place: Place) -> Mapping[str, str]:
    """Return that calls say nothing of the place."""
    return {}


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """
    All there is to know to call one provider.

    Args:
        base_url: scheme and host, and what all paths begin with; may hold "{merchant}".
        token_url: the same for calls that bring tokens; empty is `base_url`.
        headers: of every call; `place_headers` depend on the place.
        limits: by `Request.budget`, each passed in this order; names that are not here use
            "default". Limits that are shared must stand in the same order everywhere.
        tokens: how they are got; None is by hand only.
        probe: asks for a location; `located` reads its pages, None when there is none such.
        consent: how merchants let us in by the browser; None where they cannot.
        webhooks: how they are set up; None where an account's tokens cannot do that.
    """

    base_url: str
    token_url: str = ""
    headers: Mapping[str, str] = {}
    place_headers: Callable[[Place], Mapping[str, str]] = no_headers
    limits: Mapping[str, tuple[Limit, ...]]
    tokens: Login | Renewal | None
    probe: Callable[[Place], Conversation]
    located: Callable[[Sequence[Page], Place], LocationFacts | None]
    consent: Consent | None = None
    webhooks: Webhooks | None = None


def url_of(template: str, place: Place) -> str:
    """
    Put the merchant into a URL.

    Raises:
        PlaceError: it is missing, or might lead elsewhere.
    """
    if MERCHANT not in template:
        return template
    if not _MERCHANT.fullmatch(place.merchant):
        raise PlaceError("the provider's id of the merchant is missing or is none")
    return template.replace(MERCHANT, place.merchant)

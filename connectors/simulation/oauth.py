"""
The OAuth of a simulated provider: consent, codes, tokens, renewal, withdrawal (RFC 6749, 7636).

Pure: no HTTP, no clock. A simulated provider has one `TokenBook`, turns its own calls into
these and its own errors out of `OAuthRefusedError`; Square's `grants` is an example:

* `consent` answers the page of consent at once with where the browser goes next: back, with a
  code. Who is at the browser is `signed_in`; `denies` has that merchant say no.
* `exchange` takes a code once, within `CODE_LIVES`, at the same redirect URI, by the same
  application, with the verifier of its challenge where there was one.
* `renew` takes a refresh token; with `rotates` once, and its pair is dead from then on.
* `log_in` is for an application that shows its own secret, and has no refresh tokens.
* `owner` says whose an access token is; `expire` and `revoke` end tokens, and so do the faults
  `dying_tokens` and `refused_renewals`, by the seed.
* `let_in` is a merchant who consents anew, without a browser.
* `adopt` takes over tokens that are made elsewhere, as those of a shop's configuration.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import urlencode

import msgspec

from connectors.simulation.chance import Chance
from connectors.simulation.config import Faults

CODE_LIVES = timedelta(minutes=5)
NEVER = None
NEW_CALLS, NEW_FOR = 4, timedelta(minutes=2)
"""No fault ends a token so soon; a client may take one that is refused at once for the last."""


class OAuthRefusedError(Exception):
    """A call is refused; `code` is one of RFC 6749's words for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """What a code or a refresh token is exchanged for."""

    owner: str
    access_token: str
    refresh_token: str
    expires_at: datetime


class _Given(msgspec.Struct, frozen=True, kw_only=True):
    """A code that was given, and what it is tied to."""

    owner: str
    client_id: str
    redirect_uri: str
    challenge: str
    ends: datetime


class TokenBook:
    """
    All codes and tokens of one simulated provider.

    Args:
        merchants: who can sign in; the first one does, until `signed_in` says another.
        rotates: whether a renewal brings a new refresh token and ends the old pair.
        lives_s: seconds that an access token lives.

    `deaths` counts the tokens that a fault ended, `given` the pairs that were given.
    """

    def __init__(
        self,
        seed: int,
        merchants: tuple[str, ...],
        *,
        rotates: bool,
        lives_s: int,
        faults: Faults = Faults(),  # noqa: B008 - it is frozen
    ) -> None:
        self._chance = Chance(seed, "oauth")
        self._fate, self._faults = Chance(seed, "fate of tokens"), faults
        self._used: Counter[str] = Counter()
        self.deaths = self.given = 0
        self._merchants = merchants
        self._rotates = rotates
        self._lives = timedelta(seconds=lives_s)
        self._codes: dict[str, _Given] = {}
        self._access: dict[str, tuple[str, datetime | None]] = {}
        self._refresh: dict[str, tuple[str, str]] = {}
        self._welcome = set(merchants)
        self.revoked: set[str] = set()
        self.signed_in = merchants[0]
        self.denies = False

    def adopt(self, access_token: str, owner: str, refresh_token: str = "") -> None:
        """Take over tokens that never expire."""
        self._access[access_token] = (owner, NEVER)
        if refresh_token:
            self._refresh[refresh_token] = (owner, access_token)

    def consent(self, query: Mapping[str, str], now: datetime) -> str:
        """
        Return where the browser goes from the page of consent.

        Raises:
            OAuthRefusedError: there is nowhere to go to; a page has to say so.
        """
        client, back = query.get("client_id", ""), query.get("redirect_uri", "")
        if not client or not back:
            raise OAuthRefusedError("invalid_request")
        told = {"state": query["state"]} if "state" in query else {}
        if self.denies:
            return _with(back, {"error": "access_denied", **told})
        method = query.get("code_challenge_method", "S256")
        if query.get("response_type", "code") != "code" or method != "S256":
            return _with(back, {"error": "unsupported_response_type", **told})
        code = f"sim-code-{self._chance.id(24)}"
        self._codes[code] = _Given(
            owner=self.signed_in,
            client_id=client,
            redirect_uri=back,
            challenge=query.get("code_challenge", ""),
            ends=now + CODE_LIVES,
        )
        return _with(back, {"code": code, **told})

    def exchange(self, fields: Mapping[str, str], now: datetime) -> Pair:
        """
        Take a code, once.

        Raises:
            OAuthRefusedError: "invalid_grant": unknown, used, too old, or not this one's.
        """
        given = self._codes.pop(fields.get("code", ""), None)
        if given is None or given.ends <= now:
            raise OAuthRefusedError("invalid_grant")
        verifier = fields.get("code_verifier", "")
        challenged = _challenge(verifier) if verifier else ""
        told = (fields.get("client_id", ""), fields.get("redirect_uri", ""), challenged)
        if told != (given.client_id, given.redirect_uri, given.challenge):
            raise OAuthRefusedError("invalid_grant")
        return self.let_in(given.owner, now)

    def let_in(self, owner: str, now: datetime) -> Pair:
        """Give a pair of a merchant who consents, also after what was withdrawn."""
        self.revoked.discard(owner)
        self._welcome.add(owner)
        return self._pair(owner, now)

    def log_in(self, owner: str, now: datetime) -> Pair:
        """
        Give a token to an application that has shown its secret.

        No fault refuses the first time, or the first time after it was let in again.

        Raises:
            OAuthRefusedError: "invalid_client": its secret is no longer good.
        """
        if owner in self.revoked or (owner not in self._welcome and self._refuses(owner)):
            raise OAuthRefusedError("invalid_client")
        self._welcome.discard(owner)
        return self._pair(owner, now)

    def renew(self, refresh_token: str, now: datetime) -> Pair:
        """
        Take a refresh token; with rotation, for the last time.

        Raises:
            OAuthRefusedError: "invalid_grant": unknown, used, or withdrawn.
        """
        owner, access = self._refresh.get(refresh_token, ("", ""))
        if not owner or owner in self.revoked or self._refuses(owner):
            raise OAuthRefusedError("invalid_grant")
        if not self._rotates:
            return self._pair(owner, now, refresh_token)
        del self._refresh[refresh_token]
        self._access.pop(access, None)
        return self._pair(owner, now)

    def owner(self, access_token: str, now: datetime) -> str:
        """
        Return whose a token is.

        Raises:
            OAuthRefusedError: "invalid_token", "revoked_token" or "expired_token".
        """
        owner, ends = self._access.get(access_token, ("", NEVER))
        if not owner:
            raise OAuthRefusedError("invalid_token")
        if owner in self.revoked:
            raise OAuthRefusedError("revoked_token")
        if ends is not NEVER and ends <= now:
            raise OAuthRefusedError("expired_token")
        if self._dies(access_token, ends, now):
            self.deaths += 1
            self.expire(access_token, now)
            raise OAuthRefusedError("expired_token")
        return owner

    def expire(self, access_token: str, now: datetime) -> None:
        """Let an access token be expired from a time on."""
        self._access[access_token] = (self._access[access_token][0], now)

    def expire_all(self, now: datetime) -> None:
        """Let every access token be expired from a time on; refresh tokens stay good."""
        for token in self._access:
            self.expire(token, now)

    def revoke(self, owner: str) -> None:
        """Withdraw all of a merchant's tokens, until it consents again."""
        self.revoked.add(owner)

    def known_owner(self, access_token: str) -> str:
        """Return whose a token is or was; empty when there was none such."""
        return self._access.get(access_token, ("", NEVER))[0]

    def refresh_of(self, access_token: str) -> str:
        """Return the refresh token that came with an access token; empty without one."""
        found = (one for one, (_, access) in self._refresh.items() if access == access_token)
        return next(found, "")

    def _dies(self, access_token: str, ends: datetime | None, now: datetime) -> bool:
        self._used[access_token] += 1
        if self._used[access_token] <= NEW_CALLS:
            return False
        if ends is not NEVER and now < ends - self._lives + NEW_FOR:
            return False
        return self._fate.happens(self._faults.dying_tokens)

    def _refuses(self, owner: str) -> bool:
        if not self._fate.happens(self._faults.refused_renewals):
            return False
        self.revoke(owner)
        return True

    def _pair(self, owner: str, now: datetime, refresh_token: str = "") -> Pair:
        self.given += 1
        pair = Pair(
            owner=owner,
            access_token=f"sim-access-{self._chance.id(30)}",
            refresh_token=refresh_token or f"sim-refresh-{self._chance.id(30)}",
            expires_at=now + self._lives,
        )
        self._access[pair.access_token] = (owner, pair.expires_at)
        self._refresh[pair.refresh_token] = (owner, pair.access_token)
        return pair


def _challenge(verifier: str) -> str:
    digest = sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _with(uri: str, more: Mapping[str, str]) -> str:
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(more)}"

"""
A merchant lets us in by the browser: the flow from our link to the provider's tokens.

`state` is what ties the browser's return to its beginning: the attempt, and a mark that only
this browser can match, made of a secret in its cookie. The provider's tokens are in the log,
sealed, before they are used for anything.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import structlog
from msgspec.structs import replace

from connectors.access import Application, Code, Consent, LocationFacts, Place, PlaceError
from connectors.consent import ConsentRefusedError, code_in, consent_url, new_id, new_verifier
from connectors.contract import ConnectorError, CredentialsError, TransientError
from schemas.account import Tenant
from schemas.authorization import Authorization, AuthorizationStep
from schemas.sealing import Sealer
from streams.authorizations import Authorizations
from streams.credentials import Credentials, opened_box, sealed
from streams.directory import Caller, Directory
from streams.exchanges import AccountExchanges
from streams.settings import Settings
from streams.tokens import renew_at

logger = structlog.get_logger(__name__)

CALLBACK = "/api/v1/pos/oauth/{provider}/callback"

LINK_LIVES = timedelta(minutes=10)
CHOICE_LIVES = timedelta(hours=1)
"""How long a person may think about which location is meant."""


class ConsentError(Exception):
    """
    The attempt does not go on; the text is for people and holds nothing of the request.

    Args:
        authorization: the attempt that failed, where it is known whose it is.
    """

    def __init__(self, why: str, authorization: Authorization | None = None) -> None:
        super().__init__(why)
        self.authorization = authorization


class NoConsentError(Exception):
    """The operator has not set what this provider needs; the text says what to set."""


@dataclass(frozen=True, slots=True)
class _Door:
    """One provider's page of consent."""

    consent: Consent
    application: Application
    page: str
    redirect_uri: str


def mark_of(authorization_id: str, session: str) -> str:
    """Return what a browser's secret makes of an attempt; nobody can tell the secret by it."""
    mark = hmac.digest(session.encode(), authorization_id.encode(), sha256)
    return urlsafe_b64encode(mark).decode().rstrip("=")


class Consents:
    """Leads merchants to the provider and back."""

    def __init__(
        self,
        settings: Settings,
        sealer: Sealer,
        directory: Directory,
        exchanges: AccountExchanges,
        authorizations: Authorizations,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._sealer = sealer
        self._directory = directory
        self._exchanges = exchanges
        self._authorizations = authorizations
        self._clock = clock

    # -- the way there -----------------------------------------------------------------------

    async def start(
        self,
        caller: Caller,
        provider: str,
        *,
        account_id: str | None = None,
        location_id: str | None = None,
        return_to: str | None = None,
    ) -> Authorization:
        """
        Begin an attempt, durably.

        Raises:
            NoConsentError: this provider has none, or is not set up.
            LogUnavailableError: nothing was begun.
        """
        door = self._door(provider)
        name, tenant, now = new_id(), caller.tenant, self._clock()
        verifier = new_verifier().encode() if door.consent.pkce else b""
        begun = Authorization(
            authorization_id=name,
            tenant_id=tenant.tenant_id,
            provider=provider,
            step=AuthorizationStep.STARTED,
            requested_by=caller.key_name,
            account_id=account_id,
            location_id=location_id,
            return_to=return_to,
            verifier=self._sealed_verifier(verifier, tenant, name) if verifier else b"",
            started_at=now,
            expires_at=now + LINK_LIVES,
        )
        await self._authorizations.put(begun)
        logger.info("authorization_started", provider=provider, tenant_id=tenant.tenant_id)
        return begun

    async def leave(self, authorization_id: str, provider: str, session: str) -> str:
        """
        Return the URL of the provider's page for this browser.

        Raises:
            ConsentError: there is no such attempt, or it is over.
        """
        begun = await self._open(authorization_id, provider)
        door = self._door(provider)
        return consent_url(
            door.page,
            door.consent,
            door.application.client_id,
            redirect_uri=door.redirect_uri,
            state=f"{authorization_id}.{mark_of(authorization_id, session)}",
            verifier=self._verifier(begun),
        )

    # -- the way back ------------------------------------------------------------------------

    async def come_back(
        self, provider: str, query: Mapping[str, str], session: str
    ) -> Authorization:
        """
        Take what the browser brings, once, and keep the tokens it is good for.

        Raises:
            ConsentError: it is not let on, or the provider refuses.
            LogUnavailableError: nobody knows; begin anew.
        """
        state = query.get("state", "")
        name, _, mark = state.partition(".")
        begun = await self._open(name, provider)
        expected = mark_of(name, session)
        if not session or not hmac.compare_digest(mark.encode(), expected.encode()):
            raise ConsentError("this browser did not begin here; open the link again")
        claimed = await self._authorizations.claim(begun)
        if claimed is None:
            raise ConsentError("this has been used already; ask for a new link")
        try:
            return await self._granted(claimed, query, state)
        except (ConnectorError, ConsentRefusedError) as error:
            raise await self.failed(claimed, _words(error)) from None

    async def failed(self, authorization: Authorization, why: str) -> ConsentError:
        """Write that an attempt failed; return the error that says so."""
        over = replace(
            authorization, step=AuthorizationStep.FAILED, problem=why, credentials=b""
        )
        await self._authorizations.put(over)
        logger.warning(
            "authorization_failed",
            provider=over.provider,
            tenant_id=over.tenant_id,
            reason=why,
        )
        return ConsentError(why, over)

    async def connected(
        self, authorization: Authorization, accounts: tuple[str, ...]
    ) -> Authorization:
        """Write which accounts came of an attempt; its copy of the tokens is forgotten."""
        done = replace(
            authorization,
            step=AuthorizationStep.CONNECTED,
            connected=accounts,
            credentials=b"",
        )
        await self._authorizations.put(done)
        return done

    def get(self, caller: Caller, authorization_id: str) -> Authorization | None:
        """Return an attempt of the caller's."""
        found = self._authorizations.get(authorization_id)
        mine = found is not None and found.tenant_id == caller.tenant.tenant_id
        return found if mine else None

    def credentials(self, authorization: Authorization) -> Credentials:
        """Open the tokens that were granted."""
        return opened_box(
            authorization.credentials,
            self._sealer,
            authorization.tenant_id,
            authorization.authorization_id,
        )

    async def locations(self, authorization: Authorization) -> list[LocationFacts]:
        """
        Ask the provider for all that the tokens open; errors as in `Exchange.converse`.

        Source: the conversation of each provider's `Consent`.
        """
        return await self._exchanges.locations(
            authorization.provider, self.credentials(authorization), authorization.merchant
        )

    def shared(self, provider: str) -> bool:
        """Say whether several accounts may live on one consent."""
        return self._door(provider).consent.shared

    async def _granted(
        self, claimed: Authorization, query: Mapping[str, str], state: str
    ) -> Authorization:
        door, now = self._door(claimed.provider), self._clock()
        told = door.consent.merchant(query)
        code = Code(
            code=code_in(query, state),
            redirect_uri=door.redirect_uri,
            verifier=self._verifier(claimed),
        )
        place = Place(merchant=told)
        consented = await self._exchanges.consented(claimed.provider, code, place)
        if told and consented.merchant and consented.merchant != told:
            raise ConsentRefusedError("the tokens are another merchant's than the browser says")
        grant = consented.grant
        credentials = Credentials(
            access_token=grant.access_token,
            refresh_token=grant.refresh_token,
            expires_at=grant.expires_at,
            renew_at=renew_at(grant, now, self._exchanges.margin_s(claimed.provider)),
        )
        tenant = self._tenant(claimed.tenant_id)
        box = sealed(credentials, self._sealer, tenant, claimed.authorization_id)
        granted = replace(
            claimed,
            step=AuthorizationStep.GRANTED,
            merchant=consented.merchant or told,
            credentials=box,
            expires_at=now + CHOICE_LIVES,
        )
        await self._authorizations.put(granted)
        if not granted.merchant and door.consent.whose is not None:
            merchant = await self._exchanges.whose(claimed.provider, credentials)
            granted = replace(granted, merchant=merchant)
            await self._authorizations.put(granted)
        return granted

    # -- parts -------------------------------------------------------------------------------

    async def _open(self, authorization_id: str, provider: str) -> Authorization:
        shaped = authorization_id.isascii() and authorization_id.isalnum()
        found = await self._authorizations.find(authorization_id) if shaped else None
        if found is None or found.provider != provider:
            raise ConsentError("this link is not known; ask for a new one")
        if found.step is not AuthorizationStep.STARTED:
            raise ConsentError("this link has been used already; ask for a new one")
        if found.expires_at <= self._clock():
            raise ConsentError("this link is too old; ask for a new one")
        return found

    def _door(self, provider: str) -> _Door:
        consent, application, base = self._exchanges.door(provider)
        public = self._settings.public_url
        if consent is None:
            raise NoConsentError("accounts of this provider are not connected by a browser")
        if application is None or public is None:
            raise NoConsentError(
                "the operator has not set TILLSTREAM_PUBLIC_URL and this provider's application"
            )
        back = public + CALLBACK.format(provider=provider)
        return _Door(consent, application, base.rstrip("/") + consent.path, back)

    def _tenant(self, tenant_id: str) -> Tenant:
        tenant = self._directory.tenant(tenant_id)
        if tenant is None:
            raise ConsentError("this link is not known; ask for a new one")
        return tenant

    def _sealed_verifier(self, verifier: bytes, tenant: Tenant, name: str) -> bytes:
        return self._sealer.seal(
            verifier, tenant.data_key, tenant=tenant.tenant_id, record=f"verifier:{name}"
        )

    def _verifier(self, attempt: Authorization) -> str | None:
        if not attempt.verifier:
            return None
        record = f"verifier:{attempt.authorization_id}"
        return self._sealer.open(
            attempt.verifier, tenant=attempt.tenant_id, record=record
        ).decode()


def _words(error: Exception) -> str:
    """Say what happened; nothing of what the provider or the browser said."""
    match error:
        case ConsentRefusedError():
            return str(error)
        case PlaceError():
            return "the point of sale does not say which merchant it was; try again"
        case CredentialsError():
            return "the point of sale does not accept this any more; ask for a new link"
        case TransientError():
            return "the point of sale cannot be reached; ask for a new link in a while"
        case _:
            return "the point of sale refused; tell the operator"

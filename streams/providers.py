"""What an operator sets for each provider: where it is, who we are there, webhook secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors.access import Access, Application
from connectors.contract import SigningKey
from connectors.lightspeed_k.api import BASE_URL as K_URL
from connectors.lightspeed_r.access import BASE_URL as R_URL
from connectors.lightspeed_r.access import TOKEN_URL as R_TOKEN_URL
from connectors.lightspeed_x.access import BASE_URL as X_URL
from connectors.lightspeed_x.access import CONSENT_URL as X_CONSENT_URL
from connectors.limits import Budget, Limit
from connectors.square.api import BASE_URL as SQUARE_URL
from connectors.toast.access import BASE_URL as TOAST_URL

Ownership = frozenset[tuple[str, str]]
"""Pairs of a tenant and a location of its own."""


class ProviderSettings(BaseModel):
    """What whoever calls a provider asks of its settings, whichever provider it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str

    def signed_url(self) -> str | None:
        """Return the URL that the provider signs with each delivery, where it does."""
        return None

    def basic_login(self) -> tuple[str, str]:
        """Return user and password that webhooks are to carry; empty where they are signed."""
        return "", ""

    def token_base(self) -> str:
        """Return where calls for tokens go."""
        return self.base_url

    def consent_base(self) -> str:
        """Return where the page is on which merchants let us in."""
        return self.token_base()

    def consent_scopes(self) -> tuple[str, ...]:
        """Return what merchants are asked for; empty is what the connector needs."""
        return ()

    def limits(self, access: Access) -> Mapping[str, tuple[Limit, ...]]:
        """Return the limits that calls keep to."""
        return access.limits

    def application(self) -> Application | None:
        """Return who we are at the provider; None when that is not set."""
        return None

    def owned(self) -> Ownership | None:
        """Return whose location is whose, where only the operator knows; None: nobody said."""
        return None

    def signing_keys(self) -> tuple[SigningKey, ...]:
        """Return the keys that a delivery may be signed with, the current one first."""
        return ()


class SquareSettings(ProviderSettings):
    """What Tillstream must know of the application at Square."""

    signature_key: SecretStr | None = Field(
        default=None,
        description="Signature key of the webhook subscription; without it webhooks get a 503.",
    )
    previous_signature_key: SecretStr | None = Field(
        default=None,
        description="The key before the last rotation; deliveries under way still carry it.",
    )
    previous_valid_until: datetime | None = Field(
        default=None,
        description="When the previous key stops to count, with a UTC offset; none = never.",
    )
    notification_url: str | None = Field(
        default=None,
        description="The URL exactly as registered at Square: it is part of what is signed. "
        "Without it the URL of the request is taken, which is wrong behind most proxies.",
    )
    base_url: str = Field(
        default=SQUARE_URL,
        description="Where Square's API is; the sandbox and the simulator are elsewhere.",
    )
    calls_per_second: int = Field(
        default=8,
        ge=1,
        le=1_000,
        description="Calls an account may make to Square; it publishes no limit, this is "
        "well below what integrators report as safe.",
    )
    application_id: str | None = Field(
        default=None,
        description="The application's id; only the renewal of OAuth tokens needs it.",
    )
    application_secret: SecretStr | None = Field(
        default=None,
        description="The application's secret; only the renewal of tokens needs it.",
    )

    scopes: str = Field(
        default="",
        description="What merchants are asked for, space separated, in place of what we need; "
        "only where the provider has renamed it.",
    )

    def consent_scopes(self) -> tuple[str, ...]:
        """Return what merchants are asked for."""
        return tuple(self.scopes.split())

    @field_validator("previous_valid_until")
    @classmethod
    def _aware(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("give a UTC offset, like 2026-03-01T00:00:00Z")
        return None if value is None else value.astimezone(UTC)

    def signed_url(self) -> str | None:
        """Return the URL as registered."""
        return self.notification_url

    def limits(self, access: Access) -> Mapping[str, tuple[Limit, ...]]:
        """Return the pace that is set."""
        return {**access.limits, "default": (Budget(self.calls_per_second),)}

    def application(self) -> Application | None:
        """Return the application."""
        return _application(self.application_id, self.application_secret)

    def signing_keys(self) -> tuple[SigningKey, ...]:
        """Return the keys that a delivery may be signed with, the current one first."""
        previous = _secret(self.previous_signature_key)
        keys = (
            SigningKey(_secret(self.signature_key)),
            SigningKey(previous, self.previous_valid_until),
        )
        return tuple(key for key in keys if key.secret)


class ToastSettings(ProviderSettings):
    """What Tillstream must know of its API account at Toast."""

    base_url: str = Field(
        default=TOAST_URL,
        description="Where Toast's API is; it comes with the credentials of an environment.",
    )
    client_id: str | None = Field(
        default=None,
        description="Client id of the API account at Toast, to log in with. Whoever has an API "
        "key of Tillstream may connect any restaurant that this account sees.",
    )
    client_secret: SecretStr | None = Field(
        default=None, description="Client secret of the API account at Toast."
    )
    webhook_secrets: SecretStr | None = Field(
        default=None,
        description="Secrets of Toast's webhook subscriptions, comma separated: each has one "
        "of its own. Without any webhooks get a 503.",
    )

    restaurants: str = Field(
        default="",
        description="Which tenant may connect which restaurants, tenant:guid, comma separated. "
        "Toast lets our application into all of them, so only you know whose each one is; "
        "without it a restaurant can be connected only while there is a single tenant.",
    )

    @field_validator("restaurants")
    @classmethod
    def _pairs(cls, value: str) -> str:
        pairs = [one.partition(":") for one in value.split(",") if one.strip()]
        if not all(tenant.strip() and guid.strip() for tenant, _, guid in pairs):
            raise ValueError("give tenant:guid,tenant:guid")
        return value

    def owned(self) -> Ownership | None:
        """Return who may connect what; None when that is not set."""
        pairs = [one.partition(":") for one in self.restaurants.split(",") if one.strip()]
        return frozenset((a.strip(), b.strip().lower()) for a, _, b in pairs) or None

    def application(self) -> Application | None:
        """Return the API account."""
        return _application(self.client_id, self.client_secret)

    def signing_keys(self) -> tuple[SigningKey, ...]:
        """Return the secrets of all subscriptions."""
        return _keys(_secret(self.webhook_secrets).split(","))


class LightspeedSettings(ProviderSettings):
    """What is the same for the three series."""

    client_id: str | None = Field(
        default=None,
        description="Client id of the application at Lightspeed; tokens are renewed with it.",
    )
    client_secret: SecretStr | None = Field(
        default=None,
        description="Client secret of the application; tokens are renewed with it.",
    )

    scopes: str = Field(
        default="",
        description="What merchants are asked for, space separated, in place of what we need; "
        "only where the provider has renamed it.",
    )

    def consent_scopes(self) -> tuple[str, ...]:
        """Return what merchants are asked for."""
        return tuple(self.scopes.split())

    def application(self) -> Application | None:
        """Return the application."""
        return _application(self.client_id, self.client_secret)


class LightspeedKSettings(LightspeedSettings):
    """What Tillstream must know of the application at Lightspeed Restaurant (K-Series)."""

    base_url: str = Field(
        default=K_URL, description="Where K-Series' API is; the trial's is elsewhere."
    )
    webhook_login: SecretStr | None = Field(
        default=None,
        description="user:password that webhooks carry (Basic), as given when the endpoint was "
        "registered; without it webhooks get a 503.",
    )
    previous_webhook_login: SecretStr | None = Field(
        default=None,
        description="user:password before the last change; unset it when that is over.",
    )

    def basic_login(self) -> tuple[str, str]:
        """Return the user and password of the current login."""
        user, _, password = _secret(self.webhook_login).partition(":")
        return user, password

    def signing_keys(self) -> tuple[SigningKey, ...]:
        """Return the logins that a delivery may carry."""
        return _keys(map(_secret, (self.webhook_login, self.previous_webhook_login)))


class LightspeedRSettings(LightspeedSettings):
    """What Tillstream must know of the application at Lightspeed Retail (R-Series)."""

    base_url: str = Field(
        default=R_URL,
        description="Where R-Series' API is; {merchant} stands for the account's id there.",
    )
    token_url: str = Field(
        default=R_TOKEN_URL, description="Where R-Series gives tokens: scheme and host."
    )

    def token_base(self) -> str:
        """Return where calls for tokens go."""
        return self.token_url


class LightspeedXSettings(LightspeedSettings):
    """What Tillstream must know of the application at Lightspeed Retail (X-Series)."""

    base_url: str = Field(
        default=X_URL,
        description="Where X-Series' API is; {merchant} stands for the store's prefix.",
    )
    consent_url: str = Field(
        default=X_CONSENT_URL,
        description="Where X-Series asks merchants to let us in: scheme and host.",
    )
    previous_client_secret: SecretStr | None = Field(
        default=None,
        description="Client secret before the last change; webhooks may be signed with it yet.",
    )

    def consent_base(self) -> str:
        """Return where the page is on which merchants let us in."""
        return self.consent_url

    def signing_keys(self) -> tuple[SigningKey, ...]:
        """Return the application's secrets: they sign webhooks, too."""
        return _keys(map(_secret, (self.client_secret, self.previous_client_secret)))


class CoreposSettings(BaseModel):
    """What Tillstream must know to read CORE-POS databases; each account has its own DSN."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hosts: str = Field(
        default="",
        description="Hosts, or host:port, that accounts' DSNs and web services may name, comma "
        "separated; none: nothing is called. Else whoever has an API key could have any host "
        "called.",
    )
    ca_file: str | None = Field(
        default=None,
        description="PEM of the authority that signed the databases' certificates; without it "
        "those that the system trusts.",
    )
    statement_s: int = Field(
        default=30,
        ge=1,
        le=600,
        description="Seconds that one statement may take: the tills use the server, too.",
    )

    def allowed_hosts(self) -> frozenset[str]:
        """Return the hosts."""
        return frozenset(one.strip().lower() for one in self.hosts.split(",") if one.strip())


def _secret(value: SecretStr | None) -> str:
    return "" if value is None else value.get_secret_value().strip()


def _keys(secrets: Iterable[str]) -> tuple[SigningKey, ...]:
    return tuple(SigningKey(one.strip()) for one in secrets if one.strip())


def _application(client_id: str | None, secret: SecretStr | None) -> Application | None:
    known = _secret(secret)
    return Application(client_id, known) if client_id and known else None

"""Every knob of Tillstream: its environment variable, unit, default and reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams.errors import SetupError
from streams.kafka.oauth import ClientCredentials, Tokens
from streams.kafka.security import Security
from streams.providers import (
    CoreposSettings,
    LightspeedKSettings,
    LightspeedRSettings,
    LightspeedXSettings,
    ProviderSettings,
    SquareSettings,
    ToastSettings,
)
from streams.registry import RegistryOptions

__all__ = ["Settings", "SquareSettings", "load"]

PREFIX = "TILLSTREAM_"
SECRET_LENGTH_MIN = 16
SECRETS = Path("/run/secrets")


class KafkaSettings(BaseModel):
    """How to sign in to Kafka's brokers; options that are no secrets are in the log's URL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tls: bool = Field(default=False, description="Encrypt what goes to and from the brokers.")
    ca_file: str | None = Field(
        default=None,
        description="PEM of the authority that signed the brokers' certificates; without it "
        "those that the system trusts.",
    )
    cert_file: str | None = Field(
        default=None, description="PEM of our own certificate, where brokers want one."
    )
    key_file: str | None = Field(default=None, description="PEM of that certificate's key.")
    mechanism: str | None = Field(
        default=None,
        description="SASL: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER; none = no SASL.",
    )
    username: str | None = Field(default=None, description="Who signs in by SASL.")
    password: SecretStr | None = Field(default=None, description="The password of that user.")
    password_file: Path | None = Field(
        default=None, description="File that holds the password, in place of the variable."
    )
    token_url: str | None = Field(
        default=None,
        description="OAUTHBEARER: the endpoint that gives tokens for client credentials.",
    )
    client_id: str | None = Field(default=None, description="OAUTHBEARER: who we are there.")
    client_secret: SecretStr | None = Field(
        default=None, description="OAUTHBEARER: the secret of that client."
    )
    client_secret_file: Path | None = Field(
        default=None, description="File that holds that secret, in place of the variable."
    )
    scope: str = Field(
        default="", description="OAUTHBEARER: scopes to ask for, separated by spaces."
    )

    def security(self) -> Security:
        """
        Return it as the log takes it.

        Raises:
            SetupError: the settings do not fit each other, or a file cannot be read.
        """
        return Security(
            tls=self.tls,
            ca_file=self.ca_file,
            cert_file=self.cert_file,
            key_file=self.key_file,
            mechanism=self.mechanism,
            username=self.username,
            password=secret_of(
                self.password, self.password_file, f"{PREFIX}KAFKA__PASSWORD_FILE"
            ),
            tokens=self._tokens(),
        )

    def _tokens(self) -> Tokens | None:
        secret = secret_of(
            self.client_secret, self.client_secret_file, f"{PREFIX}KAFKA__CLIENT_SECRET_FILE"
        )
        if not (self.token_url and self.client_id and secret):
            return None
        return Tokens(
            ClientCredentials(
                token_url=self.token_url,
                client_id=self.client_id,
                secret=secret,
                scope=self.scope,
            )
        )


def secret_of(
    value: SecretStr | None, file: Path | None = None, variable: str = ""
) -> str | None:
    """
    Return a secret that is set, or that a file holds; the file wins.

    Args:
        variable: names the file's setting in an error.

    Raises:
        SetupError: the file cannot be read.
    """
    if file is None:
        return None if value is None else value.get_secret_value()
    try:
        return file.read_text().strip()
    except OSError as error:
        raise SetupError(f"{variable}: {error.strerror}; set it to a readable file") from error


class Settings(BaseSettings):
    """All settings; nested ones are joined by two underscores (`TILLSTREAM_SQUARE__…`)."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    log: str = Field(
        default="embedded://.tillstream/log",
        description="Where the event log is: embedded:///folder or kafka://host:9092.",
    )
    lanes: int = Field(
        default=8,
        ge=1,
        le=1024,
        description="Partitions of every topic; the unit of scale. Never changes again once "
        "a log exists.",
    )
    data_dir: Path = Field(
        default=Path(".tillstream"),
        description="Folder of local files that can all be made again.",
    )
    host: str = Field(
        default="127.0.0.1", description="Address the API listens on; 0.0.0.0 in a container."
    )
    port: int = Field(
        default=8013, ge=0, le=65_535, description="Port of the API; 0 takes a free one."
    )
    work_port: int = Field(
        default=8014,
        ge=0,
        le=65_535,
        description="Port of /livez, /readyz and /metrics of `tillstream work`; 0 takes a free "
        "one.",
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#\s]+$",
        description="Scheme and host by which browsers reach the API, with no path; needed to "
        "connect accounts by OAuth. Never taken from a request.",
    )
    ask_for_webhooks: bool = Field(
        default=True,
        description="Have providers that let accounts do so send their webhooks to public_url "
        "(https only): when an account is connected, and daily.",
    )
    return_urls: str = Field(
        default="",
        description="URLs that a browser may be sent to after connecting, comma separated, "
        "without query; others are refused.",
    )
    keys: SecretStr | None = Field(
        default=None,
        description="Master keys that wrap the tenants' data keys, id:base64, comma separated, "
        "current first; old ones still open what they sealed.",
    )
    admin_key: SecretStr | None = Field(
        default=None,
        description="Key of the routes that make tenants and API keys; unset, nobody may. "
        f"At least {SECRET_LENGTH_MIN} characters.",
    )
    sync_interval_s: int = Field(
        default=900,
        ge=60,
        le=86_400,
        description="Seconds between two polls of a new account; each account may differ.",
    )
    sync_retries: int = Field(
        default=3,
        ge=0,
        le=10,
        description="How often a run goes on after a passing trouble of the provider before it "
        "fails, and how often a failed one is repeated soon.",
    )
    concurrent_syncs: int = Field(
        default=8,
        ge=1,
        le=256,
        description="Accounts polled at the same time by one process; each holds one page.",
    )
    history_days: int = Field(
        default=90,
        ge=1,
        le=3_650,
        description="Days that a historical import asks for by default.",
    )
    daily_days: int = Field(
        default=3,
        ge=0,
        le=31,
        description="Business days that are looked at again once a day, for late refunds and "
        "tills that were offline; 0 = no daily look.",
    )
    reconcile_after_s: int = Field(
        default=4 * 3600,
        ge=0,
        le=86_400,
        description="Seconds after a business day's cut-off when it is looked at again and "
        "compared with the provider's own view; 0 = days are compared only when asked for.",
    )
    circuit_failures: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Runs of an account that fail in a row before its polls pause, longer each "
        "time.",
    )
    auto_mapping: bool = Field(
        default=True, description="Apply matches above the threshold without asking a person."
    )
    auto_mapping_threshold: float = Field(
        default=0.80,
        ge=0.5,
        le=1.0,
        description="Confidence (0..1) from which a match is applied.",
    )
    suggestion_threshold: float = Field(
        default=0.60,
        ge=0.0,
        le=1.0,
        description="Confidence (0..1) from which a match is suggested.",
    )
    alert_on_unmapped: bool = Field(
        default=True,
        description="Log a warning when products were sold that are mapped to nothing, for "
        "alerts on logs; pos.mapping-needed tells it in either case.",
    )
    webhook_bytes_max: int = Field(
        default=1 << 20,
        ge=1 << 10,
        le=64 << 20,
        description="Bytes of a webhook body; larger ones get a 413 before they are read.",
    )
    body_bytes_max: int = Field(
        default=8 << 20,
        ge=1 << 10,
        le=64 << 20,
        description="Bytes of any other request body; 5,000 products need about 2 MiB.",
    )
    append_timeout_s: float = Field(
        default=8.0,
        gt=0,
        le=60,
        description="Seconds a webhook waits for the disk before 503; providers hang up at 10.",
    )
    settle_timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="Seconds a write waits until reads see it, before it answers 202.",
    )
    ready_lag_records: int = Field(
        default=100_000,
        ge=1,
        description="Records a lane may be behind before /readyz says so.",
    )
    ready_staleness_s: float = Field(
        default=30.0,
        gt=0,
        le=3_600,
        description="Seconds that the rows of a copy (on Kafka) may be behind before /readyz "
        "says so.",
    )
    tenant_labels: bool = Field(
        default=True,
        description="Label metrics by tenant and account; switch off for large fleets, where "
        "the number of series hurts.",
    )
    log_level: str = Field(
        default="info",
        pattern="^(debug|info|warning|error)$",
        description="Least severe level that is logged: debug, info, warning or error.",
    )
    registry_url: str | None = Field(
        default=None,
        description="Root of a schema registry's API (Confluent's), where records have their "
        "schema ids from; none = the ids of schemas/avro/ids.json.",
    )
    registry_username: str | None = Field(
        default=None, description="Who signs in at the registry by password."
    )
    registry_password: SecretStr | None = Field(
        default=None, description="The password of that user."
    )
    registry_token: SecretStr | None = Field(
        default=None, description="Bearer token for the registry, in place of a password."
    )
    registry_ca_file: str | None = Field(
        default=None, description="PEM of the authority that signed the registry's certificate."
    )
    square: SquareSettings = Field(default=SquareSettings())
    toast: ToastSettings = Field(default=ToastSettings())
    lightspeed_k: LightspeedKSettings = Field(default=LightspeedKSettings())
    lightspeed_r: LightspeedRSettings = Field(default=LightspeedRSettings())
    lightspeed_x: LightspeedXSettings = Field(default=LightspeedXSettings())
    corepos: CoreposSettings = Field(default=CoreposSettings())
    kafka: KafkaSettings = Field(default=KafkaSettings())

    @field_validator("admin_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SECRET_LENGTH_MIN:
            raise ValueError(f"give at least {SECRET_LENGTH_MIN} characters")
        return value

    @field_validator("registry_url")
    @classmethod
    def _without_credentials(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "https://none")
        if parts.scheme not in {"http", "https"} or "@" in parts.netloc:
            raise ValueError("give http(s)://host/path; who signs in is in REGISTRY_USERNAME")
        return value

    def registry(self) -> RegistryOptions | None:
        """Return where the registry is; None without one."""
        if not self.registry_url:
            return None
        return RegistryOptions(
            url=self.registry_url,
            username=self.registry_username,
            password=secret_of(self.registry_password),
            token=secret_of(self.registry_token),
            ca_file=self.registry_ca_file,
        )

    def may_return_to(self, url: str) -> bool:
        """Say whether a browser may be sent there; all before the query must be the same."""
        allowed = {one.strip() for one in self.return_urls.split(",") if one.strip()}
        return url.partition("?")[0] in allowed and url.isprintable() and "#" not in url

    def provider(self, name: str) -> ProviderSettings | None:
        """Return what is set for a provider; None for one that has no settings."""
        found = getattr(self, name.replace("-", "_"), None)
        return found if isinstance(found, ProviderSettings) else None

    def master_keys(self) -> str:
        """
        Return the text of the key ring.

        Raises:
            SetupError: there is none.
        """
        text = "" if self.keys is None else self.keys.get_secret_value()
        if not text:
            raise SetupError(f"{PREFIX}KEYS is empty; set it to a master key, id:base64")
        return text


def load(**given: Any) -> Settings:
    """
    Read the environment and secrets that are files; `given` (by field name) wins over both.

    A file /run/secrets/tillstream_keys stands for TILLSTREAM_KEYS, as containers have it.

    Raises:
        SetupError: names each variable that is wrong and what it must be, never its value.
    """
    files: dict[str, Any] = {"_secrets_dir": SECRETS} if SECRETS.is_dir() else {}
    try:
        return Settings(**files, **given)
    except ValidationError as error:
        raise SetupError("; ".join(_complaints(error))) from None


def _complaints(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        names = [str(part) for part in problem["loc"]]
        yield f"{PREFIX}{'__'.join(names).upper()}: {problem['msg']}; set it and restart"

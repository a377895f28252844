"""How to sign in to the brokers, for both client libraries."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from streams.errors import SetupError
from streams.kafka.oauth import AdminTokens, ClientTokens, Tokens, signed_in

PASSWORD_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
OAUTH = "OAUTHBEARER"
MECHANISMS = (*PASSWORD_MECHANISMS, OAUTH)


@dataclass(frozen=True, slots=True)
class Security:
    """
    TLS and SASL; nothing of it is a secret of a tenant, so nothing of it is logged.

    Args:
        tls: encrypt; the broker's certificate must be signed by `ca_file` or a known authority.
        mechanism: SASL mechanism; none means no user name.
        cert_file: PEM of our own certificate, where brokers want one; `key_file` is its key.
        tokens: where OAUTHBEARER has its tokens from.
    """

    tls: bool = False
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    mechanism: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tokens: Tokens | None = None

    def __post_init__(self) -> None:
        if self.mechanism is not None and self.mechanism not in MECHANISMS:
            raise SetupError(f"kafka log: the mechanism must be one of {', '.join(MECHANISMS)}")
        named = bool(self.username and self.password)
        if self.mechanism in PASSWORD_MECHANISMS and not named:
            raise SetupError(f"kafka log: {self.mechanism} needs a user name and a password")
        if self.mechanism == OAUTH and self.tokens is None:
            raise SetupError(
                f"kafka log: {OAUTH} needs TILLSTREAM_KAFKA__TOKEN_URL, …CLIENT_ID and "
                "…CLIENT_SECRET"
            )
        if (self.cert_file is None) != (self.key_file is None):
            raise SetupError("kafka log: a certificate needs its key, and the other way round")

    @property
    def protocol(self) -> str:
        """Return the name that Kafka has for it."""
        if self.mechanism is None:
            return "SSL" if self.tls else "PLAINTEXT"
        return "SASL_SSL" if self.tls else "SASL_PLAINTEXT"

    def settings(self) -> dict[str, Any]:
        """
        Return the arguments for clients of aiokafka.

        Raises:
            SetupError: a certificate cannot be read.
        """
        return self._settings(ClientTokens)

    def admin_settings(self) -> dict[str, Any]:
        """Return the arguments for clients of kafka-python; errors as in `settings`."""
        return self._settings(AdminTokens)

    def sign_in(self) -> None:
        """
        Get what signing in needs first, so that its lack is told clearly; blocks.

        Raises:
            SetupError: there is no token for the brokers.
        """
        if self.tokens is not None:
            signed_in(self.tokens)

    def _settings(self, provider: Callable[[Tokens], object]) -> dict[str, Any]:
        given: dict[str, Any] = {"security_protocol": self.protocol}
        if self.tls:
            given["ssl_context"] = self._context()
        if self.mechanism is not None:
            given["sasl_mechanism"] = self.mechanism
        if self.mechanism in PASSWORD_MECHANISMS:
            given["sasl_plain_username"] = self.username
            given["sasl_plain_password"] = self.password
        elif self.tokens is not None:
            given["sasl_oauth_token_provider"] = provider(self.tokens)
        return given

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file)
        except (OSError, ssl.SSLError) as error:
            raise SetupError(f"kafka log: a certificate cannot be read: {error}") from error
        return context

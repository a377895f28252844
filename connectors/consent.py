"""
The authorisation code flow, as far as it is the same at every provider (RFC 6749, 7636).

Pure: URLs and parameters. `exchange` makes the calls, as for everything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import (
    parse_authorization_code_response,
    prepare_grant_uri,
    prepare_token_request,
)
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from connectors.access import Application, Code, Consent

ID_LENGTH = 32
VERIFIER_LENGTH = 64

_REASONS = {
    "access_denied": "access was not allowed at the point of sale",
    "invalid_scope": "the point of sale does not grant what is asked for; tell the operator",
    "unauthorized_client": "the point of sale does not know this program; tell the operator",
    "server_error": "the point of sale had an error; try again",
    "temporarily_unavailable": "the point of sale is busy; try again",
}
_REFUSED = "the point of sale refused; try again, or tell the operator"


class ConsentRefusedError(Exception):
    """The provider sent the browser back without a code; the text is for people."""


def new_id() -> str:
    """Return an id that nobody guesses: letters and digits."""
    return str(generate_token(ID_LENGTH))


def new_verifier() -> str:
    """Return a verifier of PKCE."""
    return str(generate_token(VERIFIER_LENGTH))


def consent_url(
    page: str,
    consent: Consent,
    client_id: str,
    *,
    redirect_uri: str,
    state: str,
    verifier: str | None,
) -> str:
    """Return the URL of the provider's page of consent."""
    more = dict(consent.more)
    if verifier is not None:
        more["code_challenge"] = create_s256_code_challenge(verifier)
        more["code_challenge_method"] = "S256"
    return str(
        prepare_grant_uri(
            page,
            client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=" ".join(consent.scopes) or None,
            state=state,
            **more,
        )
    )


def code_in(query: Mapping[str, str], state: str) -> str:
    """
    Return the code that the browser brings.

    Raises:
        ConsentRefusedError: it brings none; the text quotes nothing of the query.
    """
    if "error" in query:
        raise ConsentRefusedError(_REASONS.get(query["error"], _REFUSED))
    try:
        answer = parse_authorization_code_response(f"?{urlencode(query)}", state)
    except AuthlibBaseError:
        raise ConsentRefusedError(_REFUSED) from None
    return str(answer["code"])


def code_fields(code: Code, application: Application | None = None) -> dict[str, str]:
    """
    Return the fields of the call that exchanges a code.

    Args:
        application: where it shows itself in the body, too.
    """
    ours = {}
    if application is not None:
        ours = {"client_id": application.client_id, "client_secret": application.secret}
    text = prepare_token_request(
        "authorization_code",
        "",
        code.redirect_uri,
        code=code.code,
        code_verifier=code.verifier,
        **ours,
    )
    return dict(parse_qsl(text))

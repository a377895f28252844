"""
How to reach an account's CORE-POS: one line of text, the account's credentials.

The DSN of its database, the URL of its web service (http or https, with a name and password
where the site asks for HTTP's basic authentication), or both with a blank between them.
"""

from __future__ import annotations

import re
from base64 import b64encode
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from connectors.contract import CredentialsError
from connectors.corepos.dsn import Dsn, dsn_of

PATH = "/fannie/ws/"
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]{0,200}/")
_PORTS = {"http": 80, "https": 443}


class WebService(Struct, frozen=True, kw_only=True):
    """A web service of CORE-POS's, `url` without the slash at its end; never log it."""

    host: str
    port: int
    url: str
    authorization: str = ""

    def __repr__(self) -> str:
        return "WebService([hidden])"


class Ways(Struct, frozen=True, kw_only=True):
    """How an account is reached: by one of these at least."""

    database: Dsn | None = None
    web: WebService | None = None


def ways_of(line: str) -> Ways:
    """
    Read the line.

    Raises:
        CredentialsError: says what is wrong with it, never what it says.
    """
    dsn, web = None, None
    for part in line.split():
        if part.lower().startswith(("http://", "https://")):
            if web is not None:
                raise CredentialsError("the account names two web services; it has one")
            web = _web_service(part)
        elif dsn is not None:
            raise CredentialsError("the account names two databases; it has one")
        else:
            dsn = dsn_of(part)
    if dsn is None and web is None:
        raise CredentialsError("the account names no database and no web service")
    return Ways(database=dsn, web=web)


def _web_service(part: str) -> WebService:
    try:
        url = urlsplit(part)
        port = url.port or _PORTS[url.scheme]
    except ValueError:
        raise CredentialsError("the web service's port is none") from None
    path, host = url.path if url.path not in {"", "/"} else PATH, url.hostname or ""
    if not _HOST.fullmatch(host) or not _PATH.fullmatch(path) or url.query or url.fragment:
        raise CredentialsError(f"the web service must look like https://host{PATH}")
    shown = f"[{host}]" if ":" in host else host
    return WebService(
        host=host,
        port=port,
        url=f"{url.scheme}://{shown}:{port}{path}".rstrip("/"),
        authorization=_basic(url.username, url.password),
    )


def _basic(user: str | None, password: str | None) -> str:
    if user is None:
        return ""
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return f"Basic {b64encode(pair.encode()).decode()}"

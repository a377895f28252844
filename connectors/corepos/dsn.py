"""
Where a shop's database is and how to sign in: one line of text, the account's credentials.

`mysql://user:password@host:3306/?tls=verify&charset=declared&op=core_op&trans=core_trans
&archive=trans_archive`; what stands after the question mark may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from msgspec import Struct

from connectors.contract import CredentialsError

_PORT = 3306
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
_SCHEMAS = {"op": "core_op", "trans": "core_trans", "archive": "trans_archive"}


class Tls(StrEnum):
    """
    `VERIFY`: the server's certificate must be its own and signed by a known authority.
    `ENCRYPT`: any certificate will do. `OFF`: for a server on the same machine or in a tunnel.
    """

    VERIFY = "verify"
    ENCRYPT = "encrypt"
    OFF = "off"


class Charset(StrEnum):
    """
    `DECLARED`: columns hold what they declare. `RAW`: they hold UTF-8, or Windows-1252 where it
    is none, whatever they declare: old lanes wrote UTF-8 into latin1 columns.
    """

    DECLARED = "declared"
    RAW = "raw"


class Dsn(Struct, frozen=True, kw_only=True):
    """A database of CORE-POS's; never log it."""

    host: str
    port: int
    user: str
    password: str
    tls: Tls
    charset: Charset
    op: str
    trans: str
    archive: str

    def __repr__(self) -> str:
        return "Dsn([hidden])"


def dsn_of(line: str) -> Dsn:
    """
    Read the line.

    Raises:
        CredentialsError: says what is wrong with it, never what it says.
    """
    try:
        url = urlsplit(line)
        port = url.port or _PORT
        options = dict(
            parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query))
        )
        tls = Tls(options.pop("tls", Tls.VERIFY))
        charset = Charset(options.pop("charset", Charset.DECLARED))
    except ValueError:
        raise CredentialsError("the DSN's port or one of its options is none") from None
    schemas = {role: options.pop(role, usual) for role, usual in _SCHEMAS.items()}
    _check(url, options, schemas)
    return Dsn(
        host=url.hostname or "",
        port=port,
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        tls=tls,
        charset=charset,
        **schemas,
    )


def _check(url: SplitResult, left: Mapping[str, str], schemas: Mapping[str, str]) -> None:
    if url.scheme != "mysql" or not _HOST.fullmatch(url.hostname or "") or not url.username:
        raise CredentialsError("the DSN must look like mysql://user:password@host:3306/")
    if url.path not in {"", "/"} or url.fragment:
        raise CredentialsError("the DSN names its databases as options: op, trans, archive")
    if left:
        raise CredentialsError(
            "the DSN has an option other than tls, charset, op, trans, archive"
        )
    if not all(_NAME.fullmatch(name) for name in schemas.values()):
        raise CredentialsError("the DSN names a database that cannot be one")

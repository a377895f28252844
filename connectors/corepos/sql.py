"""
The one place that talks SQL: asks a CORE-POS database.

It only reads: the session is read-only, statements have a time limit, and a user who may do no
more than SELECT is enough. Values go from the wire into JSON as the server wrote them, as text:
no number becomes a float on the way.

Source: MariaDB and MySQL, system variables max_statement_time (s), max_execution_time (ms),
transaction_read_only; error codes of the server
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, TypeVar

import msgspec
import pymysql
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

from connectors.contract import (
    CredentialsError,
    PermanentError,
    Request,
    TransientError,
)
from connectors.corepos.asking import array
from connectors.corepos.dsn import Charset, Dsn, Tls
from connectors.corepos.questions import Statement, statement

T = TypeVar("T")
Cell = bytes | None

ANSWER_BYTES_MAX = 64 * 1024 * 1024
GRACE_S = 5
"""How much longer than the server's own limit we wait for it to say so."""

_ROWS_AT_ONCE = 500

# Parameters are escaped; what comes is left as it is.
_CONVERSIONS: dict[Any, Any] = dict(encoders)
_REFUSED = {1044, 1045, 1142, 1143, 1698, 3118}
_TOO_SLOW = {1969, 3024}
_PASSING = {1040, 1053, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 2003, 2006, 2013}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the operator allows.

    Args:
        ca_file: PEM of the authority that signed the servers' certificates; None trusts the
            system's.
        statement_s: how long one statement may run, seconds.
    """

    ca_file: str | None = None
    statement_s: int = 30
    connect_s: int = 10


class Database:
    """
    One account's database.

    Args:
        threads: carry out what blocks.
    """

    def __init__(self, dsn: Dsn, limits: Limits, threads: Executor) -> None:
        self._dsn = dsn
        self._limits = limits
        self._threads = threads

    def session(self) -> Session:
        """Return a connection to be; it is made with the first question."""
        return Session(self._dsn, self._limits, self._threads)


class Session:
    """One connection, used by one thread at a time; it is closed by whoever used it last."""

    def __init__(self, dsn: Dsn, limits: Limits, threads: Executor) -> None:
        self._dsn = dsn
        self._limits = limits
        self._threads = threads
        self._connection: pymysql.Connection[SSCursor] | None = None
        self._last: asyncio.Future[bytes] | None = None

    async def ask(self, request: Request) -> bytes:
        """
        Return the rows of an answer as a JSON array.

        Raises:
            TransientError: the server cannot be reached, is overloaded or too slow.
            CredentialsError: it does not let us in, or not read what we need.
            PermanentError: it is no database of CORE-POS's.
        """
        what = statement(request, self._dsn)
        loop = asyncio.get_running_loop()
        self._last = loop.run_in_executor(self._threads, self._answer, request.path, what)
        # a thread cannot be cancelled: who waits may go, the statement ends by its time limit
        return await asyncio.shield(self._last)

    def close(self) -> None:
        """Close the connection, after the statement that is under way."""
        if self._last is not None:
            self._last.add_done_callback(self._closed)

    def _closed(self, last: asyncio.Future[bytes]) -> None:
        if not last.cancelled():
            last.exception()
        if self._connection is not None:
            # when the process stops, the connection ends with it
            with contextlib.suppress(RuntimeError):
                self._threads.submit(self._connection.close)

    # -- what blocks -------------------------------------------------------------------------

    def _answer(self, path: str, what: Statement) -> bytes:
        return _translated(path, lambda: self._fetched(path, what))

    def _fetched(self, path: str, what: Statement) -> bytes:
        if self._connection is None:
            self._connection = _connected(self._dsn, self._limits)
        connection = self._connection
        text, values = what.text, what.values
        if what.tables:
            there = _existing(connection, what)
            if not there:
                return b"[]"
            text = " UNION ALL ".join(f"({what.text.format(table=name)})" for name in there)
            values = what.values * len(there)
        with connection.cursor() as cursor:
            cursor.execute(text, values)
            return self._json(path, cursor)

    def _json(self, path: str, cursor: SSCursor) -> bytes:
        names = [column[0] for column in cursor.description]
        decode = _DECODERS[self._dsn.charset]
        rows: list[bytes] = []
        size = 0
        while some := cursor.fetchmany(_ROWS_AT_ONCE):
            for row in some:
                cells = [None if cell is None else decode(cell) for cell in row]
                rows.append(msgspec.json.encode(dict(zip(names, cells, strict=True))))
                size += len(rows[-1])
            if size > ANSWER_BYTES_MAX:
                raise PermanentError(f"{path}: the answer exceeds {ANSWER_BYTES_MAX} bytes")
        return array(rows)


def _connected(dsn: Dsn, limits: Limits) -> pymysql.Connection[SSCursor]:
    waits = limits.statement_s + GRACE_S
    connection = pymysql.connect(
        host=dsn.host,
        port=dsn.port,
        user=dsn.user,
        password=dsn.password,
        charset="utf8mb4",
        use_unicode=False,
        conv=_CONVERSIONS,
        cursorclass=SSCursor,
        connect_timeout=limits.connect_s,
        read_timeout=waits,
        write_timeout=waits,
        autocommit=True,
        local_infile=False,
        ssl=_context(dsn, limits),
        ssl_disabled=dsn.tls is Tls.OFF,
    )
    try:
        _prepare(connection, dsn, limits)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: pymysql.Connection[SSCursor], dsn: Dsn, limits: Limits) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        cursor.execute("SELECT VERSION()")
        ((version,),) = cursor.fetchall()
        if b"mariadb" in bytes(version).lower():
            cursor.execute(f"SET SESSION max_statement_time = {limits.statement_s}")
        else:
            cursor.execute(f"SET SESSION max_execution_time = {limits.statement_s * 1000}")
        if dsn.charset is Charset.RAW:
            cursor.execute("SET SESSION character_set_results = NULL")


def _context(dsn: Dsn, limits: Limits) -> ssl.SSLContext | None:
    if dsn.tls is Tls.OFF:
        return None
    context = ssl.create_default_context(cafile=limits.ca_file)
    if dsn.tls is Tls.ENCRYPT:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _existing(connection: pymysql.Connection[SSCursor], what: Statement) -> Sequence[str]:
    """Return those of the tables that there are."""
    schema = what.text.split("`")[1]
    marks = ", ".join(["%s"] * len(what.tables))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables "
            f"WHERE table_schema = %s AND table_name IN ({marks})",
            (schema, *what.tables),
        )
        there = {bytes(name).decode().lower() for (name,) in cursor.fetchall()}
    return [name for name in what.tables if name.lower() in there]


def _translated(path: str, work: Callable[[], T]) -> T:
    """
    Do the work; say what went wrong in our words.

    The library's own texts name hosts and users, the server's quote what is in columns.
    """
    try:
        return work()
    except pymysql.err.MySQLError as error:
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        cause = getattr(error, "original_exception", None)
    except (OSError, RuntimeError) as error:
        code, cause = 0, error
    if isinstance(cause, ssl.SSLError):
        raise PermanentError(f"{path}: the server's TLS is not as the DSN wants it")
    if code in _REFUSED:
        raise CredentialsError(f"{path}: the database refuses (error {code}); check the user")
    if code in _TOO_SLOW:
        raise TransientError(f"{path}: the statement took too long")
    if code in _PASSING or isinstance(cause, OSError):
        raise TransientError(f"{path}: the database cannot be reached (error {code})")
    raise PermanentError(f"{path}: the database answered with error {code}")


def _declared(cell: bytes) -> str:
    return cell.decode("utf-8", "replace")


def _raw(cell: bytes) -> str:
    """Return what stands in a column, whatever it declares; no byte is refused."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return cell.decode(encoding)
        except UnicodeDecodeError:
            continue
    return cell.decode("latin-1")


_DECODERS: dict[Charset, Callable[[bytes], str]] = {
    Charset.DECLARED: _declared,
    Charset.RAW: _raw,
}

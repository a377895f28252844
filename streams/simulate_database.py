"""
A simulated provider that is a database, behind MySQL's protocol.

Statements are read and rewritten for the simulator's own engine by sqlglot; mysql-mimic speaks
the protocol. Both are for simulation alone and come with the extra `dev`.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from streams.errors import SetupError


@runtime_checkable
class SimulatedDatabase(Protocol):
    """
    A simulator that is asked by SQL.

    Args:
        schema: columns by table by database.
    """

    schema: Mapping[str, Mapping[str, Sequence[str]]]

    def select(self, text: str) -> tuple[list[Any], list[str]]:
        """
        Return the rows of a statement in SQLite's dialect, and their columns.

        Raises:
            sqlite3.Error: it is no statement that the tables can answer.
        """
        ...


@contextlib.asynccontextmanager
async def serve_database(
    simulator: SimulatedDatabase, *, host: str = "127.0.0.1"
) -> AsyncIterator[str]:
    """
    Serve a database on a free port and give its host:port; it stops with the context.

    Any user is let in without a password.

    Raises:
        SetupError: the libraries for it are not installed.
    """
    try:
        server = _server(simulator)
    except ImportError:
        raise SetupError(
            "a simulated database needs more: pip install 'tillstream[dev]'"
        ) from None
    await server.start_server(host=host, port=0)
    try:
        yield f"{host}:{server.sockets()[0].getsockname()[1]}"
    finally:
        server.close()


def _server(simulator: SimulatedDatabase) -> Any:
    from mysql_mimic import MysqlServer, Session  # noqa: PLC0415 - of the extra
    from mysql_mimic.errors import ErrorCode, MysqlError  # noqa: PLC0415
    from sqlglot import exp  # noqa: PLC0415

    class Connection(Session):  # type: ignore[misc] # the library is untyped
        async def query(self, expression: Any, sql: str, attrs: Any) -> Any:
            del sql, attrs
            if not isinstance(expression, exp.Query):
                return [], []
            try:
                return simulator.select(expression.unnest().sql(dialect="sqlite"))
            except sqlite3.Error as error:
                raise MysqlError(str(error), ErrorCode.PARSE_ERROR) from error

        async def schema(self) -> Any:
            return {
                database: {
                    table: dict.fromkeys(names, "TEXT") for table, names in tables.items()
                }
                for database, tables in simulator.schema.items()
            }

    return MysqlServer(session_factory=Connection)

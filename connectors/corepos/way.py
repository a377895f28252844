"""
The way to one account of CORE-POS: its database, its web service, or both.

Sales are only in the database. Where a web service is named, products, departments, vendors and
members are read through it; where there is a database besides, its log of changed products
stays there, because the web service can only give that whole.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from connectors.contract import Conversation, Page, PermanentError, Request, Response
from connectors.corepos.asking import BOOKMARK, KEEP, POSITION, SELECT, array
from connectors.corepos.sql import Database, Session
from connectors.corepos.web import BESIDE_DATABASE, ENTITIES, WebTables
from connectors.exchange import Exchange, carried_out


class CoreposWay:
    """
    Carries conversations out; it remembers how far the account was read.

    A conversation has one connection to the database, for as long as it takes.

    Args:
        web: the exchange with the web service, whose URL is its base.

    Attributes:
        bookmark: how far the log of products was read; whoever asks keeps it.
    """

    def __init__(self, database: Database | None, web: Exchange | None = None) -> None:
        self._database = database
        self._web = web
        self._position: bytes | None = None
        self.bookmark: str | None = None

    async def converse(self, conversation: Conversation) -> AsyncGenerator[Page, None]:
        """
        Carry a conversation out and hand on the pages it brings.

        Raises:
            TransientError: a server cannot be reached, is overloaded or too slow.
            CredentialsError: it does not let us in, or not read what we need.
            PermanentError: it is none of CORE-POS's.
        """
        session = None if self._database is None else self._database.session()
        tables = None if self._web is None else WebTables(self._web)

        async def answered(request: Request) -> Response:
            return Response(status=200, body=await self._ask(request, session, tables))

        try:
            async with aclosing(carried_out(conversation, answered)) as pages:
                async for page in pages:
                    yield page
        finally:
            if session is not None:
                session.close()

    async def _ask(
        self, request: Request, session: Session | None, tables: WebTables | None
    ) -> bytes:
        """Return the rows of an answer as a JSON array."""
        if request.method == KEEP:
            return self._keep(request)
        if request.method != SELECT:
            raise PermanentError(f"{request.path}: CORE-POS is only asked for rows")
        if request.path == POSITION:
            return array([] if self._position is None else [self._position])
        if request.path == BOOKMARK:
            return array([] if self.bookmark is None else [self.bookmark.encode()])
        by_web = ENTITIES if session is None else BESIDE_DATABASE
        if tables is not None and request.path in by_web:
            return await tables.ask(request)
        # sales are in the database alone: an account without one has none
        return array([]) if session is None else await session.ask(request)

    def _keep(self, request: Request) -> bytes:
        if request.path == BOOKMARK:
            self.bookmark = (request.body or b"").decode() or None
        else:
            self._position = request.body
        return array([])

"""Wishes about accounts, on their way into the log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from schemas import topics
from schemas.account import Account
from schemas.codec import encode
from schemas.sync import Command, CommandKind
from streams.log import EventLog, Out, lane_of


async def send_command(
    log: EventLog,
    lanes: int,
    account: Account,
    kind: CommandKind,
    *,
    requested_by: str,
    clock: Callable[[], datetime],
    since: datetime | None = None,
    until: datetime | None = None,
) -> Command:
    """
    Append a command and return it once it is durable.

    Raises:
        LogUnavailableError: it may not have been kept.
    """
    command = Command(
        command_id=str(uuid4()),
        tenant_id=account.tenant_id,
        account_id=account.account_id,
        kind=kind,
        requested_by=requested_by,
        requested_at=clock(),
        since=since,
        until=until,
    )
    key = account.account_id.encode()
    await log.append(topics.COMMANDS, [Out(key, encode(command), (), lane_of(key, lanes))])
    return command

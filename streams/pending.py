"""
New credentials on their way into the log: a file each, sealed, until the log has them.

Without it a crash, or a log that is away, between a provider's answer and the log would lose
the only pair of tokens that the provider still knows.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from schemas.account import Account

_DIGEST_BYTES = 32


class PendingGrants:
    """
    The files of one process.

    Args:
        folder: made when it is first needed, for nobody else to read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, account: Account, box: bytes) -> None:
        """Put down what replaces the account's credentials; durable when this returns."""
        await asyncio.to_thread(self._write, account, box)

    async def of(self, account: Account) -> bytes | None:
        """Return what replaces these very credentials of the account."""
        try:
            data = await asyncio.to_thread(self._path(account).read_bytes)
        except FileNotFoundError:
            return None
        fits = data[:_DIGEST_BYTES] == _digest(account)
        return data[_DIGEST_BYTES:] or None if fits else None

    async def waiting(self, accounts: Iterable[Account]) -> list[Account]:
        """Return the accounts of which something is kept; the folder is looked into once."""
        kept = await asyncio.to_thread(self._names)
        return [one for one in accounts if self._path(one).name in kept] if kept else []

    async def drop(self, account: Account) -> None:
        """Forget it: the log has it."""
        await asyncio.to_thread(self._path(account).unlink, missing_ok=True)

    def _names(self) -> set[str]:
        try:
            return {path.name for path in self._folder.iterdir()}
        except FileNotFoundError:
            return set()

    def _write(self, account: Account, box: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(account)
        draft = path.with_suffix(".new")
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(_digest(account) + box)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _path(self, account: Account) -> Path:
        return self._folder / sha256(account.account_id.encode()).hexdigest()


def _digest(account: Account) -> bytes:
    return sha256(account.credentials).digest()

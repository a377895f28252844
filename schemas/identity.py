"""Identifiers: their types and how the derived ones are made."""

from __future__ import annotations

from hashlib import sha256
from typing import NewType
from uuid import UUID, uuid5

TenantId = NewType("TenantId", str)
AccountId = NewType("AccountId", str)
RawId = NewType("RawId", str)
TransactionId = NewType("TransactionId", str)
ChangeId = NewType("ChangeId", str)
ProductId = NewType("ProductId", str)
PosProductId = NewType("PosProductId", str)
SyncId = NewType("SyncId", str)

_NAMESPACE = UUID("6f1d5a2e-2f7b-5d0c-9a53-6c1f0f8d7b11")


def _derive(kind: str, *names: str) -> str:
    return str(uuid5(_NAMESPACE, "\x1f".join((kind, *names))))


def raw_id(account: str, delivery: str | None, body: bytes) -> RawId:
    """Identify what arrived: by the provider's delivery id, else by the body's SHA-256."""
    return RawId(_derive("raw", account, delivery or sha256(body).hexdigest()))


def transaction_id(account: str, provider: str, key: str) -> TransactionId:
    """Identify a transaction: the same account and provider key give the same id, always."""
    return TransactionId(_derive("transaction", account, provider, key))


def change_id(transaction: str, revision: int) -> ChangeId:
    """Identify a change; consumers that see one twice may drop the second."""
    return ChangeId(_derive("change", transaction, str(revision)))


def derived_id(kind: str, *names: str) -> str:
    """Identify anything else that is made from other names (sync runs, requests)."""
    return _derive(kind, *names)

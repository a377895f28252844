"""Identifiers: their types and how the derived ones are made."""

from __future__ import annotations

from hashlib import sha1, sha256
from typing import NewType
from uuid import UUID

TenantId = NewType("TenantId", str)
AccountId = NewType("AccountId", str)
RawId = NewType("RawId", str)
TransactionId = NewType("TransactionId", str)
ChangeId = NewType("ChangeId", str)
ProductId = NewType("ProductId", str)
PosProductId = NewType("PosProductId", str)
SyncId = NewType("SyncId", str)

_NAMESPACE_BYTES = UUID("6f1d5a2e-2f7b-5d0c-9a53-6c1f0f8d7b11").bytes
_FREE_BITS = ~((0xF << 76) | (0x3 << 62)) & ((1 << 128) - 1)
_VERSION_5 = (0x5 << 76) | (0x2 << 62)


def _derive(kind: str, *names: str) -> str:
    """Return what `uuid.uuid5` gives (RFC 9562, 5.5), without its object: it is asked often."""
    digest = sha1(_NAMESPACE_BYTES + "\x1f".join((kind, *names)).encode()).digest()  # noqa: S324 - as specified
    number = int.from_bytes(digest[:16], "big") & _FREE_BITS | _VERSION_5
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


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

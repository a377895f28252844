"""Products: the POS's own, the tenant's own, and which is which (mappings)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class PosProduct(msgspec.Struct, frozen=True, kw_only=True):
    """
    A product as the POS knows it: the row of `pos.catalog`.

    Args:
        version: grows with each change at the provider; the newest wins.
        price: minor units of `currency`, None where the cashier types it in.
        changed_at: the provider's own time of this version, where it says one.
    """

    tenant_id: str
    account_id: str
    pos_product_id: str
    name: str
    version: int
    sku: str | None = None
    category: str | None = None
    price: int | None = None
    currency: str | None = None
    deleted: bool = False
    changed_at: datetime | None = None


class RecordKind(StrEnum):
    """What of a POS's own order of things is kept besides its products."""

    DEPARTMENT = "department"
    VENDOR = "vendor"
    MEMBER = "member"


class PosRecord(msgspec.Struct, frozen=True, kw_only=True):
    """
    A department, a vendor or a member as the POS knows it: the row of `pos.records`.

    Args:
        record_id: the POS's own number of it, unique within its kind.
        version: grows with each change that we notice; the newest wins.
        details: what else the POS says of it, in its own words; nothing about people.
        deleted: the POS has it no more, or uses it no more.
        changed_at: the provider's own time of its last change, where it keeps one.
        personal: details about a person, a JSON object, sealed with the tenant's key for
            `account_id/kind/record_id`; equal ones of a record look equal.
    """

    tenant_id: str
    account_id: str
    kind: RecordKind
    record_id: str
    name: str
    version: int
    details: dict[str, str] = {}
    deleted: bool = False
    changed_at: datetime | None = None
    personal: str | None = None


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product of the tenant's own catalogue: the row of `pos.products`."""

    tenant_id: str
    product_id: str
    name: str
    sku: str | None = None
    category: str | None = None
    updated_at: datetime


class MappingType(StrEnum):
    """How a mapping came to be; a manual one is never replaced by the others."""

    SKU = "sku"
    AUTO = "auto"
    MANUAL = "manual"


class ProductMapping(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which of the tenant's products a POS product is: the row of `pos.mappings`.

    Args:
        product_id: None while there is only a suggestion.
        confidence: 0..1; 1 for SKU and manual.
        suggested_product_id: the best candidate that was not good enough to apply.
        mapped_by: an API key's name or "match"; never a person's name.
    """

    tenant_id: str
    account_id: str
    pos_product_id: str
    product_id: str | None
    type: MappingType
    confidence: float
    mapped_by: str
    mapped_at: datetime
    suggested_product_id: str | None = None
    suggested_confidence: float | None = None


class MappingAction(StrEnum):
    """What a request wants done with a mapping."""

    MAP = "map"
    UNMAP = "unmap"
    SUGGEST = "suggest"


class MappingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """
    Somebody wants a mapping changed: the record of `pos.mapping-requests`.

    The API and the matcher ask; one stage decides and writes `pos.mappings`, so that a person's
    word can never be overwritten by a late guess.
    """

    request_id: str
    tenant_id: str
    account_id: str
    pos_product_id: str
    action: MappingAction
    type: MappingType
    product_id: str | None
    confidence: float
    requested_by: str
    requested_at: datetime


class CountKind(StrEnum):
    """`COUNT` sets the stock at its time; `MOVEMENT` adds to it (receipt, waste)."""

    COUNT = "count"
    MOVEMENT = "movement"


class StockCount(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a POS says about stock: the record of `pos.stock-counts`.

    Args:
        count_id: the same statement has the same id however often it arrives.
        quantity: decimal text; counted, or moved (negative is out).
        counted_at: the provider's own time of it, which orders counts against sales.
    """

    count_id: str
    tenant_id: str
    account_id: str
    pos_product_id: str
    kind: CountKind
    quantity: str
    counted_at: datetime
    physical: bool = False

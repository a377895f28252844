"""What a product, a department, a vendor or a member was, when, and who made it so."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from schemas.catalogue import PosProduct, PosRecord, RecordKind
from schemas.transaction import Cause


class VersionEvent(StrEnum):
    """What happened; `CREATED` is the first that was heard of it."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    REVIVED = "revived"


class Noticed(StrEnum):
    """How we know: the provider told it, or it was missing from the provider's complete set."""

    TOLD = "told"
    COMPARED = "compared"


class ProductVersion(msgspec.Struct, frozen=True, kw_only=True):
    """
    One version of a POS product: the record of `pos.catalog-versions`, kept for ever.

    Args:
        number: 1, 2, … in the order in which this log learnt the versions of the product.
        fields: names of the fields in which it differs from `before`.
        before: the version before it by the provider's order; None where none was known.
        late: a newer version was known already, so the catalogue did not change.
        valid_from: the provider's own time of the change; None where it says none.
        changed_by: the POS's own user, by its number there; None where it says none.
        run_as, message: of the sync run that brought it, where a person gave them.
    """

    version_id: str
    tenant_id: str
    account_id: str
    pos_product_id: str
    number: int
    event: VersionEvent
    noticed: Noticed
    fields: tuple[str, ...]
    before: PosProduct | None
    after: PosProduct
    late: bool
    valid_from: datetime | None
    recorded_at: datetime
    changed_by: str | None
    sync_id: str | None
    run_as: str | None
    message: str | None
    cause: Cause


class RecordVersion(msgspec.Struct, frozen=True, kw_only=True):
    """
    One version of a department, vendor or member: the record of `pos.record-versions`.

    It is kept for ever. Its fields mean what they mean in `ProductVersion`; `fields` names
    single details, and `personal` for all that is sealed.
    """

    version_id: str
    tenant_id: str
    account_id: str
    kind: RecordKind
    record_id: str
    number: int
    event: VersionEvent
    noticed: Noticed
    fields: tuple[str, ...]
    before: PosRecord | None
    after: PosRecord
    late: bool
    valid_from: datetime | None
    recorded_at: datetime
    changed_by: str | None
    sync_id: str | None
    run_as: str | None
    message: str | None
    cause: Cause

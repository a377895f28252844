"""
The stage `normalise`: raw events become canonical transactions.

Every raw event is read by its connector into parts; the newest parts of a provider's key make
its transactions; each difference to what was last said is one change. Nothing here looks at a
clock or calls out: what has to be fetched is an output, and its answer is a raw event again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.contract import Connector, Rejected
from schemas import topics
from schemas.account import Account
from schemas.catalogue import PosProduct, PosRecord, ProductMapping
from schemas.codec import UndecodableError, decode
from schemas.history import ProductVersion, RecordVersion
from schemas.purchasing import PurchaseOrder
from schemas.raw import RawEvent
from schemas.reconciliation import Reconciliation
from schemas.sealing import SealBrokenError, Sealer, UnknownKeyError
from schemas.sync import SyncRun
from schemas.webhooks import WebhookHealth
from streams.errors import SetupError
from streams.log import DeadLetter, Effects, Record, StageSpec, StateView, Step, Table
from streams.stages.normalise_chunk import NormaliseChunk
from streams.stages.reading import Reading
from streams.stages.tables import folded

NAME = "normalise"

SPEC = StageSpec(
    name=NAME,
    sources=(topics.ACCOUNTS, topics.MAPPINGS, topics.RAW),
    outputs=(
        topics.TRANSACTIONS,
        topics.CATALOG,
        topics.CATALOG_VERSIONS,
        topics.RECORDS,
        topics.RECORD_VERSIONS,
        topics.STOCK_COUNTS,
        topics.PURCHASE_ORDERS,
        topics.FETCHES,
        topics.SYNCS,
        topics.RECONCILIATIONS,
        topics.WEBHOOK_HEALTH,
        topics.SYNC_COMPLETED,
        topics.ERRORS,
        topics.ACCOUNTS,
    ),
    tables=(
        Table("parts", topics.PARTS),
        Table("accounts", topics.ACCOUNTS, folded(Account), catch_up=True),
        Table("mappings", topics.MAPPINGS, folded(ProductMapping), catch_up=True),
        Table("catalog", topics.CATALOG, folded(PosProduct)),
        Table("versions", topics.CATALOG_VERSIONS, folded(ProductVersion)),
        Table("records", topics.RECORDS, folded(PosRecord)),
        Table("record_versions", topics.RECORD_VERSIONS, folded(RecordVersion)),
        Table("orders", topics.PURCHASE_ORDERS, folded(PurchaseOrder)),
        Table("syncs", topics.SYNCS, folded(SyncRun)),
        Table("reconciliations", topics.RECONCILIATIONS, folded(Reconciliation)),
        Table("webhooks", topics.WEBHOOK_HEALTH, folded(WebhookHealth)),
    ),
    rejected=topics.REJECTED,
)

_FOLDS = {table.changelog: table for table in SPEC.tables if table.changelog in SPEC.sources}


def normaliser(connectors: Mapping[str, Connector], sealer: Sealer) -> Step:
    """Return the step; `sealer` opens the bodies and seals customers."""

    def normalise(records: Sequence[Record], state: StateView) -> Effects:
        chunk = NormaliseChunk(connectors, sealer, state)
        for record in records:
            table = _FOLDS.get(record.topic)
            if table is not None and table.fold is not None:
                chunk.learn(table.name, dict(table.fold(record)))
        chunk.work_through(
            [
                reading
                for record in records
                if record.topic == topics.RAW
                and (reading := _opened(record, sealer, chunk, connectors)) is not None
            ]
        )
        return chunk.effects()

    return normalise


def _opened(
    record: Record,
    sealer: Sealer,
    chunk: NormaliseChunk,
    connectors: Mapping[str, Connector],
) -> Reading | None:
    """Decode and unseal one raw event; what cannot be opened is rejected, with the reason."""
    if record.value is None:
        return None
    try:
        raw = decode(RawEvent, record.value)
    except UndecodableError as error:
        chunk.reject(DeadLetter(record, "undecodable", str(error)))
        return None
    account = chunk.account(raw.account_id) if raw.account_id else None
    if account is None and raw.merchant:
        chunk.reject(DeadLetter(record, "unknown-account", "no account claims this merchant"))
        return None
    try:
        body = sealer.open(raw.body, tenant=raw.tenant_id, record=raw.raw_id)
    except UnknownKeyError as error:
        # Not the record's fault: the lane waits until the operator has added the key.
        raise SetupError(str(error)) from error
    except SealBrokenError as error:
        chunk.reject(DeadLetter(record, "seal-broken", str(error)))
        return None
    if account is None:
        chunk.reject(_unroutable(record, body, connectors.get(raw.provider)))
        return None
    return Reading(record, raw, account, body)


def _unroutable(record: Record, body: bytes, connector: Connector | None) -> DeadLetter:
    """Say what is wrong with an authentic body that names no merchant."""
    said = None if connector is None else connector.route(body)
    if isinstance(said, Rejected):
        return DeadLetter(record, said.error_type, said.reason)
    return DeadLetter(record, "unknown-account", "it does not say whom it is about")

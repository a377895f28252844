"""Every topic: what it holds, its compaction key, how long it keeps, whose lane it is in."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.account import Account, Tenant
from schemas.authorization import Authorization
from schemas.catalogue import (
    MappingRequest,
    PosProduct,
    PosRecord,
    Product,
    ProductMapping,
    StockCount,
)
from schemas.events import MappingNeeded, PosError, SyncCompleted
from schemas.history import ProductVersion, RecordVersion
from schemas.purchasing import PurchaseOrder
from schemas.raw import RawEvent
from schemas.reconciliation import Reconciliation
from schemas.rows import InventoryRow, SalesDayRow, SalesRow, UnmappedRow
from schemas.sync import Command, Fetch, SyncRun
from schemas.transaction import TransactionChange
from schemas.webhooks import WebhookHealth

_DAY = 86_400.0
_FOR_EVER = None

RAW = "pos.raw"
TENANTS = "pos.tenants"
ACCOUNTS = "pos.accounts"
AUTHORIZATIONS = "pos.authorizations"
CATALOG = "pos.catalog"
CATALOG_VERSIONS = "pos.catalog-versions"
RECORDS = "pos.records"
RECORD_VERSIONS = "pos.record-versions"
PRODUCTS = "pos.products"
MAPPING_REQUESTS = "pos.mapping-requests"
MAPPINGS = "pos.mappings"
TRANSACTIONS = "pos.transactions"
STOCK_COUNTS = "pos.stock-counts"
PURCHASE_ORDERS = "pos.purchase-orders"
FETCHES = "pos.fetches"
REJECTED = "pos.rejected"
PARTS = "pos.parts"
SALES = "pos.sales"
SALES_DAYS = "pos.sales-days"
INVENTORY = "pos.inventory"
UNMAPPED_REVENUE = "pos.unmapped-revenue"
MAPPING_NEEDED = "pos.mapping-needed"
SYNC_COMPLETED = "pos.sync-completed"
ERRORS = "pos.errors"
COMMANDS = "pos.commands"
SYNCS = "pos.syncs"
RECONCILIATIONS = "pos.reconciliations"
WEBHOOK_HEALTH = "pos.webhook-health"
STOCK_STATE = "pos.stock-state"
PRODUCT_DAYS = "pos.product-days"
MATCH_STATE = "pos.match-state"


class TopicSpec(msgspec.Struct, frozen=True, kw_only=True):
    """
    One topic of the catalogue.

    Args:
        key: the compaction key in words; None where the topic is not compacted.
        record: the record type of its values; None for internal or original bytes.
        lane: whose id chooses the partition.
        retention_s: None is for ever.
    """

    name: str
    record: type[msgspec.Struct] | None
    key: str | None = None
    retention_s: float | None = _FOR_EVER
    lane: Literal["account", "tenant"] = "account"

    @property
    def compact(self) -> bool:
        """Say whether only the newest record of each key is kept."""
        return self.key is not None


CATALOGUE: tuple[TopicSpec, ...] = (
    TopicSpec(name=RAW, record=RawEvent, retention_s=400 * _DAY),
    TopicSpec(name=TENANTS, record=Tenant, key="tenant_id", lane="tenant"),
    TopicSpec(name=ACCOUNTS, record=Account, key="account_id"),
    TopicSpec(name=CATALOG, record=PosProduct, key="account_id/pos_product_id"),
    TopicSpec(name=CATALOG_VERSIONS, record=ProductVersion),
    TopicSpec(name=RECORDS, record=PosRecord, key="account_id/kind/record_id"),
    TopicSpec(name=RECORD_VERSIONS, record=RecordVersion),
    TopicSpec(name=PRODUCTS, record=Product, key="tenant_id/product_id", lane="tenant"),
    TopicSpec(name=MAPPING_REQUESTS, record=MappingRequest, retention_s=400 * _DAY),
    TopicSpec(name=MAPPINGS, record=ProductMapping, key="account_id/pos_product_id"),
    TopicSpec(name=TRANSACTIONS, record=TransactionChange),
    TopicSpec(name=STOCK_COUNTS, record=StockCount, retention_s=400 * _DAY),
    TopicSpec(name=PURCHASE_ORDERS, record=PurchaseOrder, key="account_id/order_id"),
    TopicSpec(name=FETCHES, record=Fetch, retention_s=7 * _DAY),
    TopicSpec(name=REJECTED, record=None, retention_s=400 * _DAY),
    TopicSpec(name=PARTS, record=None, key="account_id/transaction key"),
    TopicSpec(name=SALES, record=SalesRow, key="account_id/business_day/pos_product_id"),
    TopicSpec(name=SALES_DAYS, record=SalesDayRow, key="account_id/business_day"),
    TopicSpec(name=INVENTORY, record=InventoryRow, key="account_id/pos_product_id"),
    TopicSpec(name=UNMAPPED_REVENUE, record=UnmappedRow, key="account_id/pos_product_id"),
    TopicSpec(name=STOCK_STATE, record=None, key="account_id/pos_product_id/hour"),
    TopicSpec(name=PRODUCT_DAYS, record=None, key="account_id/pos_product_id/day"),
    TopicSpec(name=MAPPING_NEEDED, record=MappingNeeded, retention_s=90 * _DAY, lane="tenant"),
    TopicSpec(name=MATCH_STATE, record=None, key="tenant_id/account_id/…", lane="tenant"),
    TopicSpec(name=SYNC_COMPLETED, record=SyncCompleted, retention_s=90 * _DAY),
    TopicSpec(name=ERRORS, record=PosError, retention_s=90 * _DAY),
    TopicSpec(name=COMMANDS, record=Command, retention_s=30 * _DAY),
    TopicSpec(name=SYNCS, record=SyncRun, key="account_id/sync_id"),
    TopicSpec(name=RECONCILIATIONS, record=Reconciliation, key="account_id/business_day"),
    TopicSpec(name=WEBHOOK_HEALTH, record=WebhookHealth, key="account_id"),
    TopicSpec(name=AUTHORIZATIONS, record=Authorization, retention_s=7 * _DAY, lane="tenant"),
)

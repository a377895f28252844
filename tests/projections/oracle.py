"""
What the rows must be: computed from the final facts alone, slowly and in the plainest way.

It shares no code with the folds. Tests of stages, of the log and of the whole use it too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from schemas.catalogue import CountKind, PosProduct, ProductMapping, StockCount
from schemas.rows import (
    HourTotals,
    InventoryRow,
    NameCount,
    ProductRow,
    Row,
    SalesDayRow,
    SalesRow,
    UnmappedRow,
)
from schemas.transaction import (
    Kind,
    LineKind,
    Status,
    Transaction,
    TransactionChange,
    product_key,
)

Rows = dict[str, dict[str, Row]]
Catalogue = Mapping[tuple[str, str], PosProduct]
_NAMELESS: tuple[str, str | None, str | None, str] = ("", None, None, "each")
Mappings = Mapping[tuple[str, str], ProductMapping | None]


def final(changes: Iterable[TransactionChange]) -> list[Transaction]:
    """Return the transactions as they are after all changes."""
    newest: dict[str, TransactionChange] = {}
    for change in changes:
        known = newest.get(change.transaction_id)
        if known is None or change.revision > known.revision:
            newest[change.transaction_id] = change
    return [change.after for change in newest.values() if change.after is not None]


def rows_of(
    transactions: Iterable[Transaction],
    mappings: Mappings | None = None,
    counts: Collection[StockCount] = (),
    catalogue: Catalogue | None = None,
) -> Rows:
    """Return every row of every view by table and key."""
    mapped = mappings or {}
    bills = [
        tx
        for tx in transactions
        if tx.status is Status.COMPLETED and tx.kind in {Kind.SALE, Kind.REFUND, Kind.EXCHANGE}
    ]
    known = catalogue or {}
    sales = sales_rows(bills, mapped, known)
    return {
        "sales": {f"{r.account_id}/{r.business_day}/{r.pos_product_id}": r for r in sales},
        "sales_days": {f"{r.account_id}/{r.business_day}": r for r in day_rows(bills)},
        "unmapped": {
            f"{r.account_id}/{r.pos_product_id}": r for r in unmapped_rows(bills, mapped, known)
        },
        "inventory": {
            f"{r.account_id}/{r.pos_product_id}": r
            for r in inventory_rows(bills, mapped, counts, known)
        },
    }


def short(number: Decimal) -> Decimal:
    """Return the shortest way to write a number."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return Decimal(text if text not in {"", "-0"} else "0")


def _product_of(mapped: Mappings, account: str, product: str) -> str | None:
    mapping = mapped.get((account, product))
    return mapping.product_id if mapping else None


def _name(
    row: ProductRow, bills: Iterable[Transaction], kinds: set[LineKind], catalogue: Catalogue
) -> None:
    """Let every bill vote with its first line of the product; one without a name has no say."""
    votes: Counter[tuple[str, str | None, str | None, str]] = Counter()
    for tx in bills:
        if tx.account_id != row.account_id:
            continue
        for line in tx.lines:
            if line.kind in kinds and product_key(line) == row.pos_product_id:
                votes[line.name, line.sku, line.category, line.unit] += 1
                break

    def text(name: tuple[str, str | None, str | None, str]) -> tuple[str, ...]:
        return tuple(part or "" for part in name)

    row.transactions = sum(votes.values())
    named = catalogue.get((row.account_id, row.pos_product_id))
    best = min(
        votes, key=lambda name: (name[0] == "", -votes[name], text(name)), default=_NAMELESS
    )
    row.name, row.sku, row.category, row.unit = best
    if not row.name:
        row.name = named.name if named else row.pos_product_id
        row.sku = row.sku or (named.sku if named else None)
        row.category = row.category or (named.category if named else None)
    row.also_known = [
        NameCount(name=n[0], sku=n[1], category=n[2], unit=n[3], transactions=votes[n])
        for n in sorted(votes, key=text)
        if n != best or not best[0]
    ]


_SOLD = {LineKind.ITEM, LineKind.CUSTOM_AMOUNT}


def sales_rows(
    bills: list[Transaction], mapped: Mappings, catalogue: Catalogue
) -> list[SalesRow]:
    """Return one row for each account, day and product that was on a bill."""
    keys = {
        (tx.account_id, tx.business_day, product_key(line))
        for tx in bills
        for line in tx.lines
        if line.kind in _SOLD
    }
    rows = []
    for account, day, product in keys:
        today = [tx for tx in bills if tx.account_id == account and tx.business_day == day]
        lines = [
            line
            for tx in today
            for line in tx.lines
            if line.kind in _SOLD and product_key(line) == product
        ]
        row = SalesRow(
            tenant_id=today[0].tenant_id,
            account_id=account,
            business_day=day,
            pos_product_id=product,
            product_id=_product_of(mapped, account, product),
            name="",
            currency=today[0].currency,
            units=short(sum((line.quantity for line in lines), Decimal(0))),
            gross=sum(line.gross for line in lines),
            discount=sum(line.discount for line in lines),
            tax=sum(line.tax for line in lines),
            tax_included=sum(line.tax_included for line in lines),
            net=sum(line.net for line in lines),
            refunds=sum(line.net for line in lines if line.net < 0),
        )
        _name(row, today, _SOLD, catalogue)
        rows.append(row)
    return rows


def day_rows(bills: list[Transaction]) -> list[SalesDayRow]:
    """Return one row for each account and day."""
    days: dict[tuple[str, object], list[Transaction]] = defaultdict(list)
    for tx in bills:
        days[tx.account_id, tx.business_day].append(tx)
    return [_day_row(today) for today in days.values()]


def _day_row(today: list[Transaction]) -> SalesDayRow:
    lines = [line for tx in today for line in tx.lines]
    gifts = [line for line in lines if line.kind is LineKind.GIFT_CARD]
    fees = sum(fee.tax for tx in today for fee in tx.service_charges)
    sold = [line for line in lines if line.kind is not LineKind.GIFT_CARD]
    hours: dict[str, HourTotals] = {}
    tenders: Counter[str] = Counter()
    for tx in today:
        utc = (tx.closed_at or tx.occurred_at).astimezone(UTC).hour
        clock = f"{utc if tx.local_hour is None else tx.local_hour:02d}"
        hour = hours.setdefault(clock, HourTotals())
        hour.transactions += 1
        hour.net += sum(line.net for line in tx.lines if line.kind is not LineKind.GIFT_CARD)
        for tender in tx.tenders:
            tenders[tender.method.value] += tender.amount
    kinds = Counter(tx.kind for tx in today)
    return SalesDayRow(
        tenant_id=today[0].tenant_id,
        account_id=today[0].account_id,
        business_day=today[0].business_day,
        currency=today[0].currency,
        gross=sum(line.gross for line in sold),
        discount=sum(line.discount for line in sold),
        tax=sum(line.tax for line in sold) + fees,
        tax_included=sum(line.tax_included for line in sold),
        net=sum(line.net for line in sold),
        service_charge=sum(tx.totals.service_charge for tx in today),
        tip=sum(tx.totals.tip for tx in today),
        rounding=sum(tx.totals.rounding for tx in today),
        gift_cards=sum(x.gross - x.discount + x.tax - x.tax_included for x in gifts),
        total=sum(tx.totals.total for tx in today),
        unpaid=sum(tx.totals.unpaid for tx in today),
        refunded=sum(tx.totals.total for tx in today if tx.kind is Kind.REFUND),
        transactions=len(today),
        sales=kinds[Kind.SALE],
        refunds=kinds[Kind.REFUND],
        exchanges=kinds[Kind.EXCHANGE],
        hours=dict(sorted(hours.items())),
        tenders={name: tenders[name] for name in sorted(tenders) if tenders[name]},
    )


def unmapped_rows(
    bills: list[Transaction], mapped: Mappings, catalogue: Catalogue
) -> list[UnmappedRow]:
    """Return one row for each product on a bill that is mapped to nothing."""
    rows: dict[tuple[str, str], UnmappedRow] = {}
    for sales in sales_rows(bills, mapped, catalogue):
        if sales.product_id is not None:
            continue
        key = (sales.account_id, sales.pos_product_id)
        row = rows.get(key)
        if row is None:
            mapping = mapped.get(key)
            row = rows[key] = UnmappedRow(
                tenant_id=sales.tenant_id,
                account_id=sales.account_id,
                pos_product_id=sales.pos_product_id,
                name="",
                currency=sales.currency,
                first_day=sales.business_day,
                last_day=sales.business_day,
                suggested_product_id=mapping.suggested_product_id if mapping else None,
                suggested_confidence=mapping.suggested_confidence if mapping else None,
            )
        row.net += sales.net
        row.units = short(row.units + sales.units)
        row.first_day = min(row.first_day or sales.business_day, sales.business_day)
        row.last_day = max(row.last_day or sales.business_day, sales.business_day)
    for row in rows.values():
        _name(row, bills, _SOLD, catalogue)
    return list(rows.values())


def inventory_rows(
    bills: list[Transaction],
    mapped: Mappings,
    counts: Collection[StockCount],
    catalogue: Catalogue,
) -> list[InventoryRow]:
    """Sort everything that happened to a product by time and add up what follows the count."""
    stated = {count.count_id: count for count in counts}.values()
    sold = [
        (tx, line)
        for tx in bills
        for line in tx.lines
        if line.kind is LineKind.ITEM and line.pos_product_id is not None
    ]
    products = {(tx.tenant_id, tx.account_id, str(line.pos_product_id)) for tx, line in sold}
    products |= {(one.tenant_id, one.account_id, one.pos_product_id) for one in stated}
    rows = []
    for tenant, account, product in products:
        key = (account, product)
        mine = [one for one in stated if (one.account_id, one.pos_product_id) == key]
        lines = [
            (tx.closed_at or tx.occurred_at, line.quantity)
            for tx, line in sold
            if (tx.account_id, line.pos_product_id) == key
        ]
        row = InventoryRow(
            tenant_id=tenant,
            account_id=account,
            pos_product_id=product,
            product_id=_product_of(mapped, account, product),
            name="",
        )
        _count(row, mine, lines)
        _name(row, bills, {LineKind.ITEM}, catalogue)
        if row.counted is not None or row.transactions or row.sold_since or row.moved_since:
            rows.append(row)
    return rows


def _count(
    row: InventoryRow, stated: list[StockCount], sold: list[tuple[datetime, Decimal]]
) -> None:
    counted = [one for one in stated if one.kind is CountKind.COUNT]
    moved = [
        (one.counted_at, Decimal(one.quantity))
        for one in stated
        if one.kind is CountKind.MOVEMENT
    ]
    last = max(
        ((one.counted_at, Decimal(one.quantity)) for one in counted),
        default=(datetime.min.replace(tzinfo=UTC), None),
    )
    out = sum((quantity for when, quantity in sold if when > last[0]), Decimal(0))
    came = sum((quantity for when, quantity in moved if when > last[0]), Decimal(0))
    row.sold_since, row.moved_since = short(out), short(came)
    if last[1] is not None:
        row.counted_at, row.counted = last[0], short(last[1])
        row.on_hand = short(last[1] - out + came)

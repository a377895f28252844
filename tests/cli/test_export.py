"""`tillstream export`: files that hold exactly what the views hold."""

from __future__ import annotations

import asyncio
import csv
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.money import exponent
from schemas.purchasing import PurchaseOrder
from schemas.raw import Channel
from schemas.rows import InventoryRow, SalesDayRow, SalesRow, UnmappedRow
from schemas.transaction import Transaction
from streams.cli.up import end_process
from streams.export.columns import cells_of, flat_cells_of, flat_schema_of, schema_of
from streams.export.files import BATCH, write_csv, write_parquet
from streams.export.rows import SOURCES, Export
from streams.settings import load
from streams.worker import Worker
from tests.cli.test_offline import deployment, run
from tests.connectors.lightspeed_r.test_orders import LINE, an_order
from tests.schemas.records import example
from tests.streams.stage_kit import MILL_LANE

__all__ = ["deployment"]

ROWS = (Transaction, SalesRow, SalesDayRow, InventoryRow, UnmappedRow, PurchaseOrder)

LARDER = msgspec.structs.replace(
    MILL_LANE, account_id="larder", provider="lightspeed-r", location_id="1", currency="EUR"
)
SECOND = {**LINE, "orderLineID": "2", "itemID": "13", "quantity": "3"}
PRICED = an_order(OrderLines={"OrderLine": [LINE, SECOND]})
UNPRICED = an_order(
    orderID="90", OrderLines={"OrderLine": {**LINE, "quantity": "4", "price": None}}
)


def exported(folder: Path, what: str, *arguments: str) -> list[dict[str, Any]]:
    path = folder / f"{what}.parquet"
    (told,) = run("export", what, "--parquet", str(path), "--json", *arguments)
    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    assert told["rows"] == len(rows)
    return rows


def test_amounts_and_days_of_the_file_are_those_of_the_views(deployment: Path) -> None:
    transactions = exported(deployment, "transactions")
    days = exported(deployment, "sales-days")
    sums: Counter[Any] = Counter()  # the samples' shop has bills of several currencies
    for tx in transactions:
        if tx["status"] == "completed" and tx["kind"] != "void":
            sums[tx["business_day"]] += tx["totals"]["total"]
    assert sums == {day["business_day"]: day["total"] for day in days}
    assert len(days) > 1
    for day in days:
        assert day["total_amount"].scaleb(exponent(day["currency"])) == day["total"]
    sales: Counter[Any] = Counter()
    for row in exported(deployment, "sales"):
        sales[row["business_day"]] += row["net"]
    assert sales == {day["business_day"]: day["net"] for day in days}


def test_a_flat_file_sums_up_to_the_same_amounts(deployment: Path) -> None:
    transactions = exported(deployment, "transactions")
    path = deployment / "t.csv"
    run("export", "transactions", "--csv", str(path))
    with path.open(newline="") as file:
        flat = list(csv.DictReader(file))
    assert len(flat) == sum(max(1, len(tx["lines"])) for tx in transactions)
    total = sum(int(row["totals_total"] or 0) for row in flat)
    assert total == sum(tx["totals"]["total"] for tx in transactions)
    nets = sum(int(row["line_net"] or 0) for row in flat)
    assert nets == sum(line["net"] for tx in transactions for line in tx["lines"])
    assert {row["account_id"] for row in flat} == {MILL_LANE.account_id}


@pytest.fixture
def ordered(deployment: Path) -> Path:
    """The same log with an R-Series account that ordered twice; one cost is not said."""

    async def order() -> None:
        worker = Worker(load(), fatal=end_process, polling=False)
        await worker.start(serve=False)
        try:
            await worker.directory.put_account(LARDER)
            bodies = [json.dumps(one).encode() for one in (PRICED, UNPRICED)]
            await worker.ingest.append(LARDER, Channel.POLL, "order", bodies)
            await worker.runtime.views.settle(range(2), 30)
        finally:
            await worker.stop()

    asyncio.run(order())
    return deployment


def test_purchase_orders_have_a_row_each_and_in_a_flat_file_a_row_a_line(
    ordered: Path,
) -> None:
    priced, unpriced = exported(ordered, "purchase-orders")
    assert (priced["order_id"], priced["status"]) == ("9", "open")
    assert [line["quantity"] for line in priced["lines"]] == ["2", "3"]
    assert (priced["goods_total"], priced["goods_total_amount"]) == (938, Decimal("9.3800"))
    assert (unpriced["goods_total"], unpriced["goods_total_amount"]) == (None, None)
    assert exported(ordered, "purchase-orders", "--account", MILL_LANE.account_id) == []
    path = ordered / "orders.csv"
    run("export", "purchase-orders", "--csv", str(path))
    with path.open(newline="") as file:
        flat = list(csv.DictReader(file))
    assert [(row["order_id"], row["line_quantity"]) for row in flat] == [
        ("9", "2"),
        ("9", "3"),
        ("90", "4"),
    ]
    assert [row["goods_total"] for row in flat] == ["938", "", ""]
    assert flat[0]["line_unit_cost"] == "187.5"


def test_days_accounts_and_tenants_can_be_chosen(deployment: Path) -> None:
    every = exported(deployment, "transactions")
    day = str(every[0]["business_day"])
    chosen = exported(deployment, "transactions", "--from", day, "--to", day)
    assert chosen == [tx for tx in every if str(tx["business_day"]) == day]
    assert exported(deployment, "transactions", "--tenant", MILL_LANE.tenant_id) == every
    assert exported(deployment, "inventory", "--account", MILL_LANE.account_id) != []
    file = ("--parquet", str(deployment / "x"))
    run("export", "sales", *file, "--account", "nobody", status=2)
    run("export", "inventory", *file, "--from", day, status=2)
    run("export", "sales", *file, "--from", "2026-02-02", "--to", "2026-02-01", status=2)
    run("export", "sales", status=2)
    run("export", "sales", "--csv", str(deployment / "none" / "x"), status=2)
    assert not (deployment / "x").exists()


@pytest.mark.parametrize("what", Export)
def test_every_export_can_be_read_back(deployment: Path, what: Export) -> None:
    exported(deployment, what)
    run("export", what, "--csv", str(deployment / "rows.csv"))
    read = pyarrow.csv.read_csv(deployment / "rows.csv")
    assert read.column_names == flat_schema_of(SOURCES[what].row).names


def test_a_file_that_cannot_be_finished_leaves_the_one_of_before(tmp_path: Path) -> None:
    path = tmp_path / "sales.parquet"
    row = example(SalesRow)
    assert write_parquet(path, SalesRow, [row]) == 1
    before = path.read_bytes()

    def breaks() -> Any:
        yield from [row] * (BATCH + 1)
        raise MemoryError

    with pytest.raises(MemoryError):
        write_parquet(path, SalesRow, breaks())
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["sales.parquet"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_columns_stay_in_the_order_of_the_fields_and_hold_nothing_sealed(row: Any) -> None:
    names = [name for name in row.__struct_fields__ if name != "customer"]
    assert schema_of(row).names[: len(names)] == names
    text = str(schema_of(row)) + str(flat_schema_of(row))
    assert "customer" not in text
    assert "last_four" not in text


@settings(max_examples=50)
@given(
    total=st.integers(-(2**62), 2**62),
    units=st.decimals(allow_nan=False, allow_infinity=False, places=9),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
    name=st.text(st.characters(exclude_categories=["Cs", "Cc"])),
)
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    total: int,
    units: Decimal,
    currency: str,
    name: str,
) -> None:
    changes = {"net": total, "units": units, "currency": currency, "name": name}
    row = msgspec.structs.replace(example(SalesRow), **changes)
    path = tmp_path_factory.mktemp("rows") / "row.parquet"
    write_parquet(path, SalesRow, [row])
    (read,) = pyarrow.parquet.read_table(path).to_pylist()
    amount = read.pop("net_amount")
    assert amount == Decimal(total).scaleb(-exponent(currency))
    assert msgspec.convert(read, SalesRow) == row
    assert cells_of(row)["net"] == total
    write_csv(path, SalesRow, [row])
    with path.open(newline="") as file:
        (flat,) = csv.DictReader(file)
    assert (int(flat["net"]), Decimal(flat["units"]), flat["name"]) == (total, units, name)


def test_amounts_of_a_bill_stand_once_however_many_lines_it_has() -> None:
    bill = example(Transaction)
    bill = msgspec.structs.replace(bill, lines=bill.lines[:1] * 3)
    first, *others = flat_cells_of(bill)
    assert first["totals_total"] == bill.totals.total
    assert len(others) == 2
    for other in others:
        assert "totals_total" not in other
        assert "tenders" not in other
        assert other["line_net"] == bill.lines[0].net
        assert other["revision"] == bill.revision

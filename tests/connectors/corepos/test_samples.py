"""A real shop's log and dumps of a real server, where they stand beside the project."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from connectors.contract import Ignored, Parts, Rejected
from schemas.businessday import BusinessCalendar
from schemas.money import Money
from schemas.transaction import Kind, Method, Status, Transaction, broken_laws
from tests.connectors.corepos.dump import rows_of
from tests.connectors.corepos.rows import COREPOS, SHOP, made, read
from tests.connectors.golden import newest, transactions
from tests.connectors.golden import read as read_bytes

SHARED = Path(__file__).parents[3].parent / "shared"
PAYLOADS, DUMPS = SHARED / "payloads" / "corepos", SHARED / "corepos"
BEFORE_NIGHTLY = "core_2026-11-20_before_nightly.sql"
AFTER_NIGHTLY = "core_2026-11-21_after_nightly_trans_only.sql"
MIDDAY = "core_2026-11-21_midday_trans_only.sql"

anonymised = pytest.mark.skipif(
    not PAYLOADS.is_dir(), reason="no folder ../shared/payloads/corepos beside the project"
)
dumped = pytest.mark.skipif(
    not DUMPS.is_dir(), reason="no folder ../shared/corepos beside the project"
)
ANYWHERE = msgspec.structs.replace(SHOP, location_id="")


def body(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def only(name: str) -> Transaction:
    (one,) = transactions(COREPOS, [body(f"dtransactions_{name}")], SHOP)
    assert list(broken_laws(one)) == []
    return one


@anonymised
@pytest.mark.parametrize(
    ("name", "day", "gross", "discount", "tax", "paid"),
    [
        ("line_void", 18, 724, 0, 26, [("cash", 750, 300)]),
        ("scale_percent_discount_tax", 28, 312, 31, 28, [("cash", 309, 91)]),
        ("cash_plus_card", 16, 840, 0, 61, [("cash", 1, 0), ("card", 900, 0)]),
        ("member_special", 12, 229, 0, 18, [("cash", 247, 0)]),
        ("item_sale_price_tax", 15, 1805, 0, 152, [("cash", 1957, 3043)]),
        (
            "mfr_coupon_house_charge",
            30,
            358,
            0,
            0,
            [("coupon", 18, 0), ("house_account", 340, 0)],
        ),
        ("ebt", 22, 359, 0, 0, [("card", 359, 0)]),
        ("open_ring", 12, 2074, 0, 157, [("card", 2231, 0)]),
    ],
)
def test_a_sale_of_the_anonymised_log_means_what_its_rows_say(
    name: str, day: int, gross: int, discount: int, tax: int, paid: list[tuple[str, int, int]]
) -> None:
    one = only(name)
    assert (one.kind, one.status) == (Kind.SALE, Status.COMPLETED)
    assert one.business_day == date(1900, 7, day)
    totals = one.totals
    assert (totals.gross, totals.discount, totals.tax) == (gross, discount, tax)
    assert (totals.total, totals.unpaid) == (gross - discount + tax, 0)
    assert [(each.method.value, each.amount, each.change) for each in one.tenders] == paid


@anonymised
def test_what_the_office_corrected_sums_to_nothing() -> None:
    one = only("backend_correction")
    assert [line.gross for line in one.lines] == [11250, -11250]
    assert (one.totals.total, one.tenders) == (0, ())


@anonymised
def test_the_training_cashier_is_ignored() -> None:
    outcome = read_bytes(COREPOS, body("dtransactions_training_cashier_9999"), SHOP)
    assert isinstance(outcome, Ignored)
    assert "training" in outcome.reason


@anonymised
def test_an_answer_about_departments_is_ignored_and_so_is_an_error() -> None:
    sample = json.loads(body("jsonrpc_fannieentity_departments_CONSTRUCTED"))
    for answer in (sample["response"], sample["response_error"]):
        assert isinstance(read_bytes(COREPOS, json.dumps(answer).encode(), SHOP), Ignored)


def table(file: str, name: str) -> list[dict[str, str | None]]:
    return rows_of((DUMPS / file).read_text(), name)


def rung(file: str) -> list[dict[str, str | None]]:
    """Return live and archived rows of the lanes, without the sample data of 2 October."""
    rows = [*table(file, "dtransactions"), *table(file, "bigArchive")]
    return [row for row in rows if (row["datetime"] or "") >= "2026-11"]


def minor(amount: str) -> int:
    return Money.parse(amount, "USD").minor


def clock(one: Transaction) -> str:
    assert one.closed_at is not None
    return f"{one.closed_at.astimezone(ZoneInfo('America/Chicago')):%Y-%m-%d %H:%M:%S}"


def seen(one: Transaction) -> dict[str, object]:
    """Return a transaction as the list of expected ones tells it."""
    coupons = [each.amount for each in one.tenders if each.method is Method.COUPON]
    money = [each.amount for each in one.tenders if each.method is not Method.COUPON]
    counted = one.status is Status.COMPLETED
    kind = "suspended" if "suspended" in one.provider_ids else one.status.value
    return {
        "store_id": int(one.provider_ids["store"]),
        "trans_num": one.receipt_number,
        "kind": kind,
        "end": clock(one),
        "items": one.totals.gross if counted else 0,
        "discount": -one.totals.discount,
        "tax": one.totals.tax,
        "coupons": -sum(coupons),
        "tenders": -sum(money),
        "voids": one.provider_ids.get("undoes"),
        "resumes": one.provider_ids.get("resumes"),
    }


def expected() -> list[dict[str, object]]:
    told = json.loads((DUMPS / "expected_transactions_dump1.json").read_text())
    return [
        {
            "store_id": one["store_id"],
            "trans_num": one["trans_num"],
            "kind": one["kind"],
            "end": one["end"],
            **{
                name: minor(one[name])
                for name in ("items", "discount", "tax", "coupons", "tenders")
            },
            "voids": one.get("voids_trans_num"),
            "resumes": one.get("resumes_trans_num"),
        }
        for one in told
        if not one["training"] and one["kind"] in {"completed", "cancelled", "suspended"}
    ]


def by_number(rows: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    return sorted(rows, key=lambda one: (one["store_id"], one["end"], one["trans_num"]))


@dumped
def test_every_transaction_of_the_first_dump_is_exactly_what_was_rung() -> None:
    rows = rung(BEFORE_NIGHTLY)
    assert len(rows) == 654
    told = made(rows, shop=ANYWHERE)
    assert by_number(map(seen, told)) == by_number(expected())
    assert len(told) == 44
    for one in told:
        assert list(broken_laws(one)) == []
        assert one.totals.unpaid == 0 or one.status is Status.CANCELLED


@dumped
def test_rows_one_by_one_in_any_order_make_the_same_transactions() -> None:
    rows = rung(BEFORE_NIGHTLY)
    whole = made(rows, shop=ANYWHERE)
    random.Random(7).shuffle(rows)
    assert made(*[[row] for row in rows], shop=ANYWHERE) == whole


@dumped
def test_rotation_second_uploads_and_late_rows_change_nothing_that_was_known() -> None:
    files = [rung(file) for file in (BEFORE_NIGHTLY, AFTER_NIGHTLY, MIDDAY)]
    first = made(files[0], shop=ANYWHERE)
    after = made(*files, shop=ANYWHERE)
    assert made(*reversed(files), shop=ANYWHERE) == after
    known = {one.transaction_id: one for one in after}
    assert [known[one.transaction_id] for one in first] == first
    assert len({(one.receipt_number, one.provider_ids["store"]) for one in after}) == len(after)
    for one in after:
        assert list(broken_laws(one)) == []


@dumped
def test_the_sale_over_midnight_is_one_also_when_the_rotation_has_cut_it() -> None:
    rows = [row for row in rung(BEFORE_NIGHTLY) if _is(row, "90", "1", "7")]
    days = [[row for row in rows if (row["datetime"] or "")[:10] == day] for day in _DAYS]
    assert [len(day) for day in days] == [6, 10]
    (one,) = made(*days, shop=ANYWHERE)
    assert (one.totals.gross, one.totals.tax, one.totals.unpaid) == (3212, 11, 0)
    assert one.business_day == date(2026, 11, 19)


_DAYS = ("2026-11-18", "2026-11-19")


def _is(row: dict[str, str | None], *number: str) -> bool:
    return (row["emp_no"], row["register_no"], row["trans_no"]) == number


@dumped
def test_old_rows_of_which_some_are_missing_are_refused_by_how_much() -> None:
    """The sample data has rows of several sales under one number, and not all of them."""
    old = [row for row in table(BEFORE_NIGHTLY, "bigArchive") if row["pos_row_id"] is None]
    assert len(old) == 301
    numbers = {(row["emp_no"], row["register_no"], row["trans_no"]) for row in old}
    outcomes = {
        number: read([row for row in old if _is(row, *map(str, number))], ANYWHERE)
        for number in sorted(numbers, key=str)
    }
    refused = {
        "-".join(map(str, (number[0], number[1], number[2]))): one.reason
        for number, one in outcomes.items()
        if isinstance(one, Rejected)
    }
    assert sorted(refused) == ["90-101-1", "90-101-2", "90-101-3"]
    two_at_once = outcomes["90", "101", "4"]
    assert isinstance(two_at_once, Parts)
    assert len(newest(two_at_once.parts)) == 2


@dumped
def test_all_products_of_the_server_are_read() -> None:
    samples = json.loads((DUMPS / "api_samples.json").read_text())
    eggs = next(
        one["response"]
        for one in samples
        if one.get("request", {}).get("params", {}).get("columns") == {"upc": "0000000001009"}
    )
    outcome = read_bytes(COREPOS, json.dumps(eggs).encode(), SHOP)
    assert isinstance(outcome, Parts)
    assert [(one.name, one.price) for one in outcome.products] == [("EGGS LOCAL MEDIUM", 379)]
    calendar = BusinessCalendar("America/Chicago")
    assert outcome.products[0].version > 0
    assert calendar.timezone == SHOP.calendar.timezone

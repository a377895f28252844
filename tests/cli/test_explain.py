"""`tillstream explain` says what payloads mean, without a log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from streams.cli.main import app
from tests.connectors.golden import samples_of

SAMPLES = {str(sample).partition("/")[2]: sample for sample in samples_of("square")}
SHARED = Path(__file__).parents[3] / "shared" / "payloads" / "square"


def explain(*arguments: object) -> list[Any]:
    result = CliRunner().invoke(app, ["explain", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


@pytest.fixture
def sale(tmp_path: Path) -> list[Path]:
    paths = []
    for number, body in enumerate(SAMPLES["card-with-tip"].bodies):
        path = tmp_path / f"{number}.json"
        path.write_bytes(body)
        paths.append(path)
    return paths


def test_each_file_gets_one_line_with_its_verdict(sale: list[Path], tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.json"
    garbage.write_bytes(b'{"order": {"id": "tru')
    lines = explain("square", *sale, garbage)
    assert [line["file"] for line in lines] == [str(path) for path in (*sale, garbage)]
    assert {line["verdict"] for line in lines[:-1]} == {"accepted", "needs-fetch"}
    assert lines[-1]["verdict"] == "rejected"
    assert lines[-1]["reason"].startswith("unreadable")
    assert all(
        line["parts"] if line["verdict"] == "accepted" else line["fetches"]
        for line in lines[:-1]
    )


def test_together_gives_the_same_transaction_in_whatever_order(sale: list[Path]) -> None:
    there = explain("square", *sale, "--together", "--timezone", "Europe/Berlin")
    back = explain("square", *reversed(sale), "--together", "--timezone", "Europe/Berlin")
    (transaction,) = (line["transaction"] for line in there if "transaction" in line)
    assert transaction in [line.get("transaction") for line in back]
    totals = transaction["totals"]
    assert all(isinstance(amount, int) for amount in totals.values())
    assert sum(tender["amount"] for tender in transaction["tenders"]) == totals["total"]


def test_the_zone_and_the_cut_off_decide_the_business_day(tmp_path: Path) -> None:
    order = {
        "id": "o1",
        "location_id": "L1",
        "state": "COMPLETED",
        "version": 3,
        "created_at": "2026-05-20T01:30:00Z",
        "closed_at": "2026-05-20T01:30:00Z",
        "updated_at": "2026-05-20T01:30:00Z",
        "line_items": [
            {
                "uid": "u1",
                "name": "Late coffee",
                "quantity": "1",
                "base_price_money": {"amount": 300, "currency": "EUR"},
                "gross_sales_money": {"amount": 300, "currency": "EUR"},
                "total_money": {"amount": 300, "currency": "EUR"},
            }
        ],
        "total_money": {"amount": 300, "currency": "EUR"},
    }
    path = tmp_path / "order.json"
    path.write_text(json.dumps({"order": order}))

    def day(*options: str) -> str:
        lines = explain("square", path, "--together", *options)
        return str(lines[-1]["transaction"]["business_day"])

    assert day() == "2026-05-20"
    assert day("--cut-off", "4") == "2026-05-19"
    assert day("--timezone", "America/New_York") == "2026-05-19"


def test_a_capture_is_read_like_its_body(sale: list[Path], tmp_path: Path) -> None:
    capture = tmp_path / "capture.json"
    body = sale[0].read_text()
    capture.write_text(json.dumps({"headers": {"A": "b"}, "url": "https://x", "body": body}))
    as_object = tmp_path / "object.json"
    as_object.write_text(
        json.dumps({"headers": {}, "url": "https://x", "body": json.loads(body)})
    )
    bare, captured, nested = explain("square", sale[0], capture, as_object)
    assert captured["parts"] == nested["parts"] == bare["parts"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe{}",
        b"[" * 1_000,
        b'{"headers": {}, "url": "u", "body": "\\ud800"}',
        b'{"headers": {}, "url": "u", "body": "\xff"}',
        b'{"headers": {"a": "\xff"}, "url": "u", "body": {}}',
        b'{"headers": {}, "url": "u", "body": null}',
    ],
    ids=["empty", "bytes", "deep", "half-a-pair", "bytes-in-it", "bytes-above-it", "of-null"],
)
def test_a_file_that_is_no_payload_is_rejected_and_stops_no_other(
    content: bytes, sale: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "strange.json"
    path.write_bytes(content)
    strange, good = explain("square", path, sale[0], "--json")
    assert (strange["verdict"], strange["parts"]) == ("rejected", [])
    assert strange["reason"].startswith("unreadable")
    assert good["verdict"] != "rejected"


def test_an_unknown_provider_or_file_is_a_clear_error() -> None:
    result = CliRunner().invoke(app, ["explain", "abacus", "x.json"])
    assert result.exit_code == 2
    assert "square" in result.output
    result = CliRunner().invoke(app, ["explain", "square", "/does/not/exist.json"])
    assert result.exit_code == 2
    assert "cannot be read" in result.output


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the real payloads in ../shared")
@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("api_list_payments", "accepted"),
        ("api_retrieve_order_with_order_discount", "accepted"),
        ("api_search_catalog_objects", "accepted"),
        ("webhook_catalog_version_updated", "needs-fetch"),
        ("webhook_inventory_count_updated", "accepted"),
        ("webhook_location_updated_no_object", "ignored"),
        ("webhook_order_created_stub", "needs-fetch"),
        ("webhook_payment_created", "accepted"),
        ("webhook_refund_updated", "accepted"),
    ],
)
def test_real_payloads_are_understood(name: str, verdict: str) -> None:
    (line,) = explain("square", SHARED / f"{name}.json")
    assert line["verdict"] == verdict, line

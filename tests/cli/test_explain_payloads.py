"""`tillstream explain` reads every real payload there is of each provider, or says why not."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.cli.test_explain import explain

SHARED = Path(__file__).parents[3] / "shared" / "payloads"
PROVIDERS = ("square", "toast", "lightspeed-k", "lightspeed-r", "lightspeed-x", "corepos")
CURRENCY = {"lightspeed-k": "GBP"}
NOTHING = ("ignored", "tells nothing about sales, products or stock")
ONLINE = ("ignored", "online ordering")

# What is not listed is accepted; a documented sample may hold a placeholder in place of
# a time, or be put together of examples that do not add up.
OTHERS = {
    "square/signature_vectors": ("rejected", "no body of Square's"),
    "square/webhook_catalog_version_updated": ("needs-fetch", "does not say what changed"),
    "square/webhook_location_updated_no_object": NOTHING,
    "square/webhook_order_created_stub": ("needs-fetch", "stub of the order"),
    "square/webhook_order_updated_stub": ("needs-fetch", "stub of the order"),
    "toast/api_payment_credit": ("needs-fetch", "a part of its order"),
    "toast/webhook_menus_updated": ("needs-fetch", "does not hold them"),
    "toast/webhook_stock_in_stock_quantity": ("rejected", "not an ISO 8601 time"),
    "toast/webhook_stock_low_quantity": ("rejected", "not an ISO 8601 time"),
    "toast/webhook_stock_out_of_stock": ("rejected", "not an ISO 8601 time"),
    "lightspeed-k/api_v2_sales_page": ("rejected", "unbalanced"),
    "lightspeed-k/webhook_item_not_restricted": ("ignored", "nobody counts what is left"),
    "lightspeed-k/webhook_order_api_ready": ("ignored", "online ordering is ready"),
    "lightspeed-k/webhook_order_closed": ONLINE,
    "lightspeed-k/webhook_order_success_with_account": ONLINE,
    "lightspeed-k/webhook_order_success_without_account": ONLINE,
    "lightspeed-k/webhook_payment_success": ("ignored", "online ordering"),
    "lightspeed-r/api_error_404": ("ignored", "only tells of an error"),
    "lightspeed-r/sale_lines_single": ("needs-fetch", "lines are parts of their sales"),
    "lightspeed-r/shop": NOTHING,
    "lightspeed-r/special_orders": NOTHING,
    "lightspeed-r/vendor": NOTHING,
    "lightspeed-x/consignment": ("needs-fetch", "came without its products"),
    "lightspeed-x/outlets": NOTHING,
    "lightspeed-x/payment_types": NOTHING,
    "lightspeed-x/suppliers": NOTHING,
    "corepos/dtransactions_training_cashier_9999": ("ignored", "training and test rows"),
    "corepos/jsonrpc_fannieentity_departments_CONSTRUCTED": (
        "rejected",
        "no rows of CORE-POS's and no answer of its web service",
    ),
}


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the real payloads in ../shared")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_real_payload_is_read_or_refused_with_its_reason(provider: str) -> None:
    files = sorted((SHARED / provider).glob("*.json"))
    lines = explain(provider, *files, "--currency", CURRENCY.get(provider, "USD"))
    assert len(lines) == len(files) > 0
    for line in lines:
        name = f"{provider}/{Path(line['file']).stem}"
        verdict, reason = OTHERS.get(name, ("accepted", ""))
        assert line["verdict"] == verdict, line
        assert reason in line["reason"], line


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the real payloads in ../shared")
def test_the_answers_of_the_web_service_inside_a_recording_are_read_one_by_one(
    tmp_path: Path,
) -> None:
    (recorded,) = (SHARED / "corepos").glob("jsonrpc_*.json")
    said = json.loads(recorded.read_bytes())
    paths = [tmp_path / f"{name}.json" for name in ("response", "response_error")]
    for path in paths:
        path.write_text(json.dumps(said[path.stem]))
    departments, error = explain("corepos", *paths)
    assert departments["reason"].endswith("tells nothing about sales, products or stock")
    assert error["reason"] == "an answer that only tells of an error"


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the real payloads in ../shared")
def test_a_capture_of_a_posted_form_is_read_like_the_object_in_it(tmp_path: Path) -> None:
    said = json.loads((SHARED / "lightspeed-x" / "sale.json").read_bytes())
    bare, capture = tmp_path / "bare.json", tmp_path / "capture.json"
    sale = said.get("data", said)
    bare.write_text(json.dumps(sale))
    form = urlencode({"type": "sale.update", "payload": json.dumps(sale)})
    capture.write_text(json.dumps({"headers": {"X-Signature": "s"}, "body": form}))
    alone, posted = explain("lightspeed-x", bare, capture, "--currency", "USD")
    assert posted["verdict"] == alone["verdict"] == "accepted"
    assert posted["parts"] == alone["parts"]

"""`serve` where its disk is full: webhooks are taken all the same, readiness says why."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from itertools import count

import httpx
import pytest

from streams.errors import SetupError, StateFullError
from streams.kafka import state
from streams.kafka.replica import FULL
from tests.http.harness import API, SIGNATURE, a_payment, signed
from tests.proof.crew import crew
from tests.proof.faults import no_room_for
from tests.proof.forms import long_form
from tests.proof.site import PATIENCE_S, SIGNATURE_KEY, Site

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.chaos]

SALES = 50
"""Handed in with one call; a copy of some hundred is more than a full disk has room for."""


def a_till(site: Site) -> str:
    """Make a tenant with one account that nobody polls, and return the account."""
    with site.client(site.admin_key) as admin:
        made = admin.post("/api/v1/tenants", json={"name": "Bakers", "tenant_id": "bakers"})
        site.api_key = made.raise_for_status().json()["api_key"]
    till = {
        "provider": "push",
        "location_id": "counter",
        "location_name": "Counter",
        "timezone": "Europe/Berlin",
        "currency": "EUR",
    }
    with site.client() as api:
        account = api.post(f"{API}/accounts", json=till).raise_for_status().json()
    return str(account["account_id"])


def handed_in(api: httpx.Client, account: str, number: int) -> int:
    """Hand sales in; return the status."""
    sales = [
        {
            "id": f"{number}-{one}",
            "occurred_at": "2026-05-04T08:10:00+02:00",
            "lines": [{"name": "pretzel " * 20, "pos_product_id": "P", "unit_price": 120}],
            "tenders": [{"method": "cash", "amount": 120}],
        }
        for one in range(SALES)
    ]
    return api.post(f"{API}/accounts/{account}/transactions", json=sales).status_code


def delivered(api: httpx.Client, site: Site) -> int:
    """Deliver a webhook; return the status."""
    body = json.dumps(a_payment()).encode()
    headers = {SIGNATURE: signed(body, SIGNATURE_KEY, site.hook)}
    return api.post(f"{API}/webhooks/square", content=body, headers=headers).status_code


@long_form
def test_webhooks_are_taken_while_the_disk_is_full_and_readiness_says_that_it_is(
    kafka, tmp_path
):
    with crew(tmp_path, kafka.address, lanes=2, serves=1, works=1) as hands:
        hands.start()
        (serve,), site = hands.serves, hands.site
        account = a_till(site)
        os.truncate(serve.words_file, 0)  # what it says is on the same disk
        numbers = count()

        def is_said() -> bool:
            handed_in(api, account, next(numbers))
            return FULL in api.get("/readyz").json().get("reasons", ())

        with site.client() as api:
            with no_room_for(serve):
                at_last(is_said)
                at_last(lambda: delivered(api, site) == 202)
                assert api.get(f"{API}/accounts").status_code == 200
                assert is_said()
            serve.ready()
            at_last(lambda: handed_in(api, account, 0) == 200)


def at_last(question: Callable[[], bool]) -> None:
    """Ask until the answer is yes."""
    began = time.monotonic()
    while not question():
        assert time.monotonic() - began < PATIENCE_S
        time.sleep(0.1)


def test_a_folder_for_which_there_is_no_room_is_waited_for_and_another_one_told(
    tmp_path, monkeypatch
):
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="set TILLSTREAM_DATA_DIR"):
        state.locked(tmp_path / "file" / "replica")
    monkeypatch.setattr(state, "FULL", ("Not a directory",))
    with pytest.raises(StateFullError, match="no room for"):
        state.locked(tmp_path / "file" / "replica")

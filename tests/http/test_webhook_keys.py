"""Whose key a webhook must carry: each provider's own, from the settings."""

import json
from base64 import b64encode
from hashlib import sha256
from hmac import digest
from urllib.parse import urlencode

import pytest

from streams.settings import load
from tests.http.harness import API, house

STAMP = "2026-05-04T13:01:00.000+0000"
STOCK = {
    "timestamp": STAMP,
    "eventCategory": "stock",
    "eventType": "out_of_stock",
    "guid": "e445f586-081c-4a2a-bcd6-30717a48e17a",
    "details": {"restaurantGuid": "R1", "itemGuid": "I1", "status": "OUT_OF_STOCK"},
}
ITEM = {"sku": "A", "businessLocationId": 1, "count": 5, "status": "RESTRICTED", "type": "ITEM"}
FORM = {"payload": '{"id":"1"}', "domain_prefix": "bakery", "type": "sale.update"}


def toast(key):
    body = json.dumps(STOCK).encode()
    mac = b64encode(digest(key.encode(), body + STAMP.encode(), sha256)).decode()
    return body, {"toast-signature": mac}


def lightspeed_k(key):
    return json.dumps(ITEM).encode(), {
        "authorization": f"Basic {b64encode(key.encode()).decode()}",
        "x-lightspeed-idempotency-key": "once",
    }


def lightspeed_x(key):
    body = urlencode(FORM).encode()
    mac = digest(key.encode(), body, sha256).hex()
    return body, {
        "x-signature": f"signature={mac},algorithm=HMAC-SHA256",
        "content-type": "application/x-www-form-urlencoded",
    }


KEYS = {
    "toast": {"webhook_secrets": "orders-key, stock-key"},
    "lightspeed_k": {"webhook_login": "till:new", "previous_webhook_login": "till:old"},
    "lightspeed_x": {"client_secret": "new-secret", "previous_client_secret": "old-secret"},
}
GOOD = [
    ("toast", toast, "orders-key"),
    ("toast", toast, "stock-key"),
    ("lightspeed-k", lightspeed_k, "till:new"),
    ("lightspeed-k", lightspeed_k, "till:old"),
    ("lightspeed-x", lightspeed_x, "new-secret"),
    ("lightspeed-x", lightspeed_x, "old-secret"),
]


async def test_each_provider_s_own_keys_are_taken_and_no_others(tmp_path):
    async with house(tmp_path, **KEYS) as shop:
        for name, made, key in GOOD:
            body, headers = made(key)
            answer = await shop.client.post(
                f"{API}/webhooks/{name}", content=body, headers=headers
            )
            assert answer.status_code == 202, (name, key, answer.text)
            for wrong in ({}, made("another-key")[1], made("a-signature-key-of-tests")[1]):
                answer = await shop.client.post(
                    f"{API}/webhooks/{name}", content=body, headers=wrong
                )
                assert answer.status_code == 401, (name, wrong)


async def test_without_a_key_nothing_is_taken_and_nothing_is_lost(tmp_path):
    async with house(tmp_path) as shop:
        for name, made in (("toast", toast), ("lightspeed-k", lightspeed_k)):
            body, headers = made("")
            answer = await shop.client.post(
                f"{API}/webhooks/{name}", content=body, headers=headers
            )
            assert answer.status_code == 503


async def test_a_provider_without_tokens_of_its_own_needs_one_in_the_form(tmp_path):
    async with house(tmp_path) as shop:
        bakery = await shop.tenant("bakery")
        form = {"provider": "lightspeed-k", "location_id": "L1"}
        answer = await bakery.post(f"{API}/accounts", json=form)
        assert answer.status_code == 422
        answer = await bakery.post(f"{API}/accounts", json={**form, "provider": "toast"})
        assert answer.status_code == 201


@pytest.mark.parametrize("name", KEYS)
def test_secrets_of_providers_are_in_no_text_of_the_settings(name):
    settings = load(**KEYS)
    for secret in KEYS[name].values():
        for one in secret.split(","):
            assert one.strip() not in repr(settings)
            assert one.strip() not in str(settings.model_dump())


def test_settings_are_found_by_the_provider_s_name_and_by_nothing_else():
    settings = load(**KEYS)
    assert settings.provider("lightspeed-x") is settings.lightspeed_x
    for name in ("kafka", "log", "model_dump", "corepos", "__class__", ""):
        assert settings.provider(name) is None

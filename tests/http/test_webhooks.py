import json

import pytest

from streams.log import LogUnavailableError
from tests.http.harness import API, SIGNATURE, URL, a_payment, house, signed

WEBHOOK = f"{API}/webhooks/square"


async def totals(client):
    rows = (await client.get(f"{API}/sales-days")).json()["items"]
    return {row["business_day"]: row["total"] for row in rows}


async def test_a_signed_webhook_is_answered_202_and_becomes_a_sale(shop):
    bakery = await shop.tenant("bakery")
    await shop.connected(bakery)
    answer = await shop.deliver(a_payment(amount=1250))
    assert answer.status_code == 202
    assert answer.json() == {"accepted": True}
    await shop.settle()
    assert await totals(bakery) == {"2026-05-04": 1250}


async def test_the_same_delivery_again_changes_nothing(shop):
    bakery = await shop.tenant("bakery")
    await shop.connected(bakery)
    for _ in range(3):
        assert (await shop.deliver(a_payment(amount=1250))).status_code == 202
    await shop.settle()
    assert await totals(bakery) == {"2026-05-04": 1250}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {SIGNATURE: ""},
        {SIGNATURE: "bm9uZQ=="},
        {SIGNATURE: signed(b"other")},
        {SIGNATURE: signed(json.dumps(a_payment()).encode(), key="wrong")},
        {SIGNATURE: signed(json.dumps(a_payment()).encode(), url=URL + "/")},
    ],
)
async def test_what_is_not_signed_by_the_provider_is_401_and_nowhere(shop, headers):
    body = json.dumps(a_payment()).encode()
    before = shop.worker.runtime.views.ends()
    answer = await shop.client.post(WEBHOOK, content=body, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert shop.worker.runtime.views.ends() == before


async def test_the_signature_covers_the_exact_bytes(shop):
    body = json.dumps(a_payment()).encode()
    answer = await shop.client.post(
        WEBHOOK, content=body + b" ", headers={SIGNATURE: signed(body)}
    )
    assert answer.status_code == 401


async def test_a_body_over_the_limit_is_413_whether_its_length_is_told_or_not(shop):
    limit = shop.worker.settings.webhook_bytes_max
    body = b"x" * (limit + 1)
    told = await shop.client.post(WEBHOOK, content=body, headers={SIGNATURE: signed(body)})
    assert told.status_code == 413

    async def pieces():
        for _ in range(limit // 65_536 + 1):
            yield b"x" * 65_536

    untold = await shop.client.post(WEBHOOK, content=pieces())
    assert untold.status_code == 413
    assert untold.headers["content-type"] == "application/problem+json"


async def test_while_the_log_takes_nothing_the_answer_is_503_with_when_to_try(
    shop, monkeypatch
):
    async def refuse(*_args, **_kwargs):
        raise LogUnavailableError("the disk is full")

    await shop.connected(await shop.tenant("bakery"))
    with monkeypatch.context() as broken:
        broken.setattr(shop.worker.runtime.log, "append", refuse)
        answer = await shop.deliver(a_payment())
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "disk" not in answer.text
    assert (await shop.deliver(a_payment())).status_code == 202


async def test_without_a_signature_key_of_ours_the_answer_is_503_not_4xx(tmp_path):
    async with house(tmp_path, square={}) as shop:
        assert (await shop.deliver(a_payment())).status_code == 503


async def test_during_a_rotation_the_old_key_still_signs(tmp_path):
    keys = {
        "signature_key": "new",
        "previous_signature_key": "old",
        "previous_valid_until": "2999-01-01T00:00:00Z",
        "notification_url": URL,
    }
    async with house(tmp_path, square=keys) as shop:
        body = json.dumps(a_payment()).encode()
        for key, status in (("new", 202), ("old", 202), ("older", 401)):
            headers = {SIGNATURE: signed(body, key=key)}
            answer = await shop.client.post(WEBHOOK, content=body, headers=headers)
            assert answer.status_code == status


async def test_authentic_garbage_is_kept_for_a_person_and_answered_202(shop):
    for body in (b"not json", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000):
        assert (await shop.deliver(body)).status_code == 202
    await shop.settle()
    ends = shop.worker.runtime.views.ends()
    kept = sum(end for tp, end in ends.items() if tp.topic == "pos.rejected")
    assert kept == 5


async def test_what_came_before_anybody_connected_the_merchant_is_not_lost(shop):
    for number in range(3):
        answer = await shop.deliver(a_payment(f"P{number}", 1000))
        assert answer.status_code == 202
    bakery = await shop.tenant("bakery")
    assert await totals(bakery) == {}
    await shop.connected(bakery)
    assert await totals(bakery) == {"2026-05-04": 3000}


async def test_claiming_takes_only_what_is_about_the_location(shop):
    await shop.deliver(a_payment("P1", 1000, location="LBAKERY01"))
    await shop.deliver(a_payment("P2", 7000, location="LBAKERY02"))
    await shop.deliver(a_payment("P3", 9000, merchant="MLOTHER"))
    bakery = await shop.tenant("bakery")
    await shop.connected(bakery, "LBAKERY01")
    assert await totals(bakery) == {"2026-05-04": 1000}


async def test_what_comes_for_a_disconnected_account_waits_until_it_is_back(shop):
    bakery = await shop.tenant("bakery")
    account = await shop.connected(bakery)
    await shop.deliver(a_payment("P1", 1000))
    await bakery.delete(f"{API}/accounts/{account['account_id']}")
    await shop.deliver(a_payment("P2", 500))
    await shop.settle()
    assert await totals(bakery) == {"2026-05-04": 1000}
    assert (await shop.connected(bakery))["account_id"] == account["account_id"]
    assert await totals(bakery) == {"2026-05-04": 1500}


async def test_an_unknown_provider_is_404(shop):
    assert (await shop.client.post(f"{API}/webhooks/abacus")).status_code == 404


async def test_bodies_are_sealed_in_the_log(shop):
    await shop.connected(await shop.tenant("bakery"))
    await shop.deliver(a_payment("PSECRETPAYMENT"))
    await shop.settle()
    folder = shop.worker.settings.data_dir / "log"
    shop.worker.runtime.log.store.db.flush_wal(True)
    raws = [path.read_bytes() for path in folder.rglob("*") if path.suffix in (".log", ".sst")]
    everything = b"".join(raws)
    assert b"PSECRETPAYMENT" in everything  # the transaction itself is public
    assert b"event-PSECRETPAYMENT" not in everything

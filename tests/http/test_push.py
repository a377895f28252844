import asyncio
import json

import pytest

from schemas.raw import Channel
from tests.http.harness import API, house

FORM = {
    "provider": "push",
    "location_id": "counter",
    "location_name": "Counter",
    "timezone": "Europe/Berlin",
    "currency": "EUR",
}


def a_sale(number="1", minor=250, **more):
    return {
        "id": number,
        "occurred_at": "2026-05-04T10:00:00+02:00",
        "lines": [{"name": "Pretzel", "pos_product_id": "P1", "unit_price": minor}],
        "tenders": [{"method": "cash", "amount": minor}],
    } | more


@pytest.fixture
def till(shop):
    """A tenant with a till of its own: its client and where it hands in."""

    async def made(name="bakery"):
        client = await shop.tenant(name)
        answer = await client.post(f"{API}/accounts", json=FORM)
        assert answer.status_code == 201, answer.text
        return client, f"{API}/accounts/{answer.json()['account_id']}/transactions"

    return made


async def total_of(client):
    return sum(day["total"] for day in (await client.get(f"{API}/sales-days")).json()["items"])


def verdicts(answer):
    return [item["verdict"] for item in answer.json()["items"]]


async def test_a_till_of_one_s_own_is_an_account_without_a_probe_or_a_token(shop):
    bakery = await shop.tenant("bakery")
    answer = await bakery.post(f"{API}/accounts", json=FORM | {"cut_off_hour": 4})
    assert answer.status_code == 201
    account = answer.json()
    assert account["location_name"] == "Counter"
    assert (account["timezone"], account["currency"]) == ("Europe/Berlin", "EUR")
    assert (account["cut_off_hour"], account["status"]) == (4, "connected")
    again = await bakery.post(f"{API}/accounts", json=FORM)
    assert again.status_code == 200
    assert again.json()["account_id"] == account["account_id"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"currency": None},
        {"timezone": None},
        {"location_name": None},
        {"timezone": "Europe/Nowhere"},
        {"access_token": "hush"},
        {"currency": "eur"},
    ],
)
async def test_a_till_of_one_s_own_says_name_zone_and_currency_and_nothing_secret(shop, wrong):
    bakery = await shop.tenant("bakery")
    assert (await bakery.post(f"{API}/accounts", json=FORM | wrong)).status_code == 422


async def test_the_currency_of_a_till_never_changes(shop, till):
    bakery, _ = await till()
    answer = await bakery.post(f"{API}/accounts", json=FORM | {"currency": "CHF"})
    assert answer.status_code == 409


async def test_other_providers_tell_name_and_zone_themselves(shop):
    bakery = await shop.tenant("bakery")
    form = FORM | {"provider": "square", "location_id": "L1", "access_token": "good"}
    assert (await bakery.post(f"{API}/accounts", json=form)).status_code == 422


async def test_one_transaction_is_taken_and_seen_by_the_next_read(till):
    bakery, where = await till()
    answer = await bakery.post(where, json=a_sale())
    assert answer.status_code == 200, answer.text
    (item,) = answer.json()["items"]
    assert (item["verdict"], item["id"], item["version"]) == ("accepted", "1", 1)
    read = await bakery.get(f"{API}/transactions/{item['transaction_id']}")
    assert read.json()["totals"]["total"] == 250
    assert await total_of(bakery) == 250


async def test_the_same_id_and_version_again_is_the_same_fact(till):
    bakery, where = await till()
    await bakery.post(where, json=a_sale())
    reordered = dict(reversed(a_sale(version=1, currency="EUR").items()))
    answer = await bakery.post(where, json=reordered)
    assert answer.status_code == 200
    (item,) = answer.json()["items"]
    assert (item["verdict"], item["conflict"]) == ("duplicate-key", False)
    assert await total_of(bakery) == 250


async def test_other_content_under_the_same_version_is_a_conflict_and_not_written(till):
    bakery, where = await till()
    await bakery.post(where, json=a_sale())
    answer = await bakery.post(where, json=a_sale(minor=999))
    assert answer.status_code == 207
    (item,) = answer.json()["items"]
    assert (item["verdict"], item["conflict"]) == ("duplicate-key", True)
    assert await total_of(bakery) == 250


async def test_a_higher_version_replaces_and_a_lower_one_changes_nothing(till):
    bakery, where = await till()
    await bakery.post(where, json=a_sale(version=2, minor=300))
    old = await bakery.post(where, json=a_sale(version=1))
    assert verdicts(old) == ["duplicate-key"]
    new = await bakery.post(where, json=a_sale(version=3, minor=400))
    assert verdicts(new) == ["accepted"]
    assert await total_of(bakery) == 400


async def test_every_item_of_a_list_gets_its_verdict_and_the_good_ones_count(till):
    bakery, where = await till()
    items = [
        a_sale("a"),
        a_sale("b", tenders=[]),
        a_sale("c", lines=[{"name": "x", "unit_price": 1, "discuont": 1}]),
        a_sale("a"),
        a_sale("a", minor=7),
        {"id": "d"},
        a_sale("e", currency="USD"),
        17,
    ]
    answer = await bakery.post(where, json=items)
    assert answer.status_code == 207
    made = answer.json()
    assert [made[k] for k in ("received", "accepted", "duplicates", "rejected")] == [8, 1, 2, 5]
    pointers = [item["pointer"] for item in made["items"]]
    assert pointers == [
        None,
        "/1/totals/unpaid",
        "/2/lines/0/discuont",
        None,
        None,
        "/5/occurred_at",
        "/6/currency",
        "/7",
    ]
    assert [item["id"] for item in made["items"]] == ["a", "b", "c", "a", "a", "d", "e", None]
    assert "parts make 250" in made["items"][1]["reason"]
    assert [item["conflict"] for item in made["items"]][3:5] == [False, True]
    assert await total_of(bakery) == 250


async def test_when_nothing_can_be_taken_it_is_a_problem_with_the_verdicts(till):
    bakery, where = await till()
    answer = await bakery.post(where, json=a_sale(tenders=[]))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["items"][0]["pointer"] == "/totals/unpaid"
    assert await total_of(bakery) == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[", b"[]", b"\xff", b"[" * 100_000, b"[" + b"1," * 500 + b"1]"],
)
async def test_a_body_of_any_kind_is_refused_in_order(till, body):
    bakery, where = await till()
    answer = await bakery.post(where, content=body)
    assert answer.status_code == 422
    assert answer.json()["status"] == 422


async def test_five_hundred_are_taken_at_once(till):
    bakery, where = await till()
    answer = await bakery.post(where, json=[a_sale(f"{n}", 100) for n in range(500)])
    assert answer.json()["accepted"] == 500
    assert await total_of(bakery) == 50_000


async def test_the_same_list_sent_by_many_at_once_counts_once(till):
    bakery, where = await till()
    items = [a_sale(f"{n}", 100) for n in range(20)]
    answers = await asyncio.gather(*[bakery.post(where, json=items) for _ in range(8)])
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert await total_of(bakery) == 2_000


async def test_accounts_of_other_providers_take_nothing(shop):
    bakery = await shop.tenant("bakery")
    account = await shop.connected(bakery)
    where = f"{API}/accounts/{account['account_id']}/transactions"
    assert (await bakery.post(where, json=a_sale())).status_code == 409


async def test_a_disconnected_till_hands_in_nothing(till):
    bakery, where = await till()
    await bakery.delete(where.removesuffix("/transactions"))
    assert (await bakery.post(where, json=a_sale())).status_code == 409


async def test_nothing_is_polled_of_a_till_of_one_s_own(shop, till):
    bakery, where = await till()
    account = where.removesuffix("/transactions")
    assert (await bakery.post(f"{account}/sync")).status_code == 409
    state = (await bakery.get(f"{account}/sync")).json()
    assert (state["health"], state["next_due"], state["running"]) == ("ok", None, [])


async def test_what_was_handed_in_is_in_the_log_as_it_was_sent_and_sealed(shop, till):
    bakery, where = await till()
    body = json.dumps([a_sale("x", cashier="Hush")]).encode()
    taken = []
    write = shop.worker.ingest._write

    async def spied(events, trace=None):
        taken.extend(events)
        return await write(events, trace)

    shop.worker.ingest._write = spied
    await bakery.post(where, content=body)
    (event,) = taken
    assert event.channel is Channel.PUSH
    assert b"Hush" not in event.body
    sealer = shop.worker.sealer
    assert sealer.open(event.body, tenant="bakery", record=event.raw_id) == body[1:-1]


async def test_the_schema_is_published_and_needs_no_key(shop):
    answer = await shop.client.get(f"{API}/push/schema")
    assert answer.status_code == 200
    assert answer.json()["$schema"].endswith("2020-12/schema")
    assert "PushedTransaction" in answer.json()["$defs"]


async def test_what_is_not_seen_in_time_is_202_and_not_lost(tmp_path):
    async with house(tmp_path, settle_timeout_s=0.000001) as shop:
        bakery = await shop.tenant("bakery")
        account = (await bakery.post(f"{API}/accounts", json=FORM)).json()
        await shop.settle()
        where = f"{API}/accounts/{account['account_id']}/transactions"
        answer = await bakery.post(where, json=a_sale())
        assert answer.status_code == 202
        assert answer.json()["visible"] is False
        await shop.settle()
        assert await total_of(bakery) == 250

import asyncio
from datetime import datetime, time
from zoneinfo import ZoneInfo

from tests.http.harness import API, a_payment


async def test_an_account_takes_name_zone_and_currency_from_the_provider(shop):
    bakery = await shop.tenant("bakery")
    account = await shop.connected(bakery)
    assert account["location_name"] == "Bakery LBAKERY01"
    assert account["timezone"] == "Europe/Berlin"
    assert account["currency"] == "EUR"
    assert account["merchant"] == "MLBAKERY"
    assert account["status"] == "connected"
    assert account["sync_interval_s"] == 900


async def test_credentials_are_told_nobody_and_are_sealed_in_the_log(shop):
    bakery = await shop.tenant("bakery")
    answer = await bakery.post(
        f"{API}/accounts",
        json={
            "provider": "square",
            "location_id": "LBAKERY01",
            "access_token": "hush-hush-token",
            "refresh_token": "hush-hush-again",
        },
    )
    assert answer.status_code == 201
    assert "hush" not in answer.text
    assert "hush" not in (await bakery.get(f"{API}/accounts")).text
    account = shop.worker.directory.account(answer.json()["account_id"])
    assert account.credentials
    assert b"hush" not in account.credentials


async def test_connecting_the_same_location_again_renews_it_and_keeps_its_id(shop):
    bakery = await shop.tenant("bakery")
    form = {"provider": "square", "location_id": "LBAKERY01", "access_token": "good"}
    first = await bakery.post(f"{API}/accounts", json=form | {"sync_interval_s": 120})
    second = await bakery.post(f"{API}/accounts", json=form | {"access_token": "better"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["account_id"] == first.json()["account_id"]
    assert second.json()["sync_interval_s"] == 120


async def test_two_tenants_may_connect_the_same_location_and_both_get_its_sales(shop):
    bakery, owner = await shop.tenant("bakery"), await shop.tenant("owner")
    one, other = await shop.connected(bakery), await shop.connected(owner)
    assert one["account_id"] != other["account_id"]
    await shop.deliver(a_payment(amount=700))
    await shop.settle()
    for client in (bakery, owner):
        (day,) = (await client.get(f"{API}/sales-days")).json()["items"]
        assert day["total"] == 700


async def test_what_the_provider_refuses_is_no_account(shop):
    bakery = await shop.tenant("bakery")
    form = {"provider": "square", "location_id": "LBAKERY01", "access_token": "good"}
    for wrong in (
        {"access_token": "wrong"},
        {"location_id": "UNKNOWN"},
        {"merchant": "SOMEBODYELSE"},
        {"provider": "abacus"},
        {"location_id": ""},
        {"colour": "red"},
    ):
        answer = await bakery.post(f"{API}/accounts", json=form | wrong)
        assert answer.status_code == 422, wrong
    assert (await bakery.get(f"{API}/accounts")).json()["items"] == []


async def test_accounts_come_in_pages_by_cursor(shop):
    bakery = await shop.tenant("bakery")
    made = {(await shop.connected(bakery, f"L{number}"))["account_id"] for number in range(5)}
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await bakery.get(f"{API}/accounts", params=query)).json()
        assert len(page["items"]) <= 2
        seen += [item["account_id"] for item in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert seen == sorted(made)
    assert pages == 3


async def test_the_interval_of_polls_can_be_changed(shop):
    bakery = await shop.tenant("bakery")
    where = f"{API}/accounts/{(await shop.connected(bakery))['account_id']}"
    assert (await bakery.patch(where, json={"sync_interval_s": 60})).status_code == 200
    assert (await bakery.get(where)).json()["sync_interval_s"] == 60
    assert (await bakery.patch(where, json={"sync_interval_s": 1})).status_code == 422


async def test_disconnecting_keeps_the_data_and_forgets_the_credentials(shop):
    bakery = await shop.tenant("bakery")
    account = await shop.connected(bakery)
    await shop.deliver(a_payment(amount=700))
    where = f"{API}/accounts/{account['account_id']}"
    assert (await bakery.delete(where)).json()["status"] == "disconnected"
    assert shop.worker.directory.account(account["account_id"]).credentials == b""
    (day,) = (await bakery.get(f"{API}/sales-days")).json()["items"]
    assert day["total"] == 700
    assert (await bakery.post(f"{where}/sync")).status_code == 409
    assert (await bakery.get(f"{where}/sync")).json()["health"] == "disconnected"


async def test_a_withdrawn_authorisation_shows_in_the_account_and_ends_by_connecting(shop):
    bakery = await shop.tenant("bakery")
    account = await shop.connected(bakery)
    where = f"{API}/accounts/{account['account_id']}"
    revoked = {
        "merchant_id": "MLBAKERY",
        "type": "oauth.authorization.revoked",
        "event_id": "event-revoked",
        "created_at": "2026-05-04T13:01:00Z",
        "data": {"type": "revocation", "id": "r", "object": {"revocation": {}}},
    }
    assert (await shop.deliver(revoked)).status_code == 202
    await shop.settle()
    assert (await bakery.get(where)).json()["status"] == "revoked"
    assert (await bakery.get(f"{where}/sync")).json()["health"] == "revoked"
    await shop.connected(bakery)
    assert (await bakery.get(where)).json()["status"] == "connected"


async def test_a_sync_that_is_asked_for_is_in_the_next_list_of_runs(shop):
    bakery = await shop.tenant("bakery")
    where = f"{API}/accounts/{(await shop.connected(bakery))['account_id']}"
    asked = await bakery.post(f"{where}/sync")
    assert asked.status_code == 202
    assert asked.json()["visible"]
    runs = (await bakery.get(f"{where}/syncs")).json()["items"]
    assert asked.json()["sync_id"] in [run["sync_id"] for run in runs]
    assert [run["sync_id"] for run in runs] == sorted(
        (run["sync_id"] for run in runs), reverse=True
    )


async def test_history_is_imported_for_the_days_asked_or_the_default(shop):
    bakery = await shop.tenant("bakery")
    account = await shop.connected(bakery)
    where, zone = f"{API}/accounts/{account['account_id']}", ZoneInfo(account["timezone"])
    for form, days in (({"days": 7}, 7), ({}, 90)):
        asked = (await bakery.post(f"{where}/sync/historical", json=form)).json()
        runs = (await bakery.get(f"{where}/syncs")).json()["items"]
        (run,) = [run for run in runs if run["sync_id"] == asked["sync_id"]]
        assert run["kind"] == "historical"
        since, until = (datetime.fromisoformat(run[it]) for it in ("since", "until"))
        assert (until.astimezone(zone).date() - since.astimezone(zone).date()).days == days
        assert since.astimezone(zone).time() == time(account["cut_off_hour"])
    assert (await bakery.post(f"{where}/sync/historical", json={"days": 0})).status_code == 422


async def test_the_state_of_syncing_says_how_the_account_is(shop):
    bakery = await shop.tenant("bakery")
    where = f"{API}/accounts/{(await shop.connected(bakery))['account_id']}"
    await bakery.post(f"{where}/sync")
    for _ in range(200):
        state = (await bakery.get(f"{where}/sync")).json()
        if state["health"] == "ok" and not state["running"]:
            break
        await asyncio.sleep(0.005)
    assert state["health"] == "ok"
    assert state["last_run"]["status"] == "completed"
    assert state["watermark"] is not None
    assert state["consecutive_failures"] == 0

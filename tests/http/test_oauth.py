"""A merchant lets us in by the browser, over the whole worker and a simulated Square."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest_asyncio

from streams.credentials import opened
from tests.http.browsing import BACK, PUBLIC, town
from tests.http.harness import API


@pytest_asyncio.fixture
async def here(tmp_path):
    async with town(tmp_path) as running:
        yield running


async def until(true, seconds=20):
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110 - what the worker does has no event
            await asyncio.sleep(0.05)


async def health(client, account_id):
    return (await client.get(f"{API}/accounts/{account_id}/sync")).json()


async def test_a_merchant_s_only_location_is_connected_and_polled(here):
    tenant, browser = await here.shop.tenant("bakery"), here.browser()
    link = await here.link(tenant)
    assert link["authorize_url"].startswith(f"{PUBLIC}{API}/oauth/square/start?attempt=")
    done = await browser.connects(link["authorize_url"])
    assert done.status_code == 200, done.text
    assert done.headers["content-type"].startswith("text/html")
    attempt = await here.attempt(tenant, link)
    assert attempt["status"] == "connected"
    (account_id,) = attempt["account_ids"]
    account = (await tenant.get(f"{API}/accounts/{account_id}")).json()
    assert account["location_id"] == here.locations[0]
    assert account["merchant"] == here.merchants[0]

    async def polled():
        return (await health(tenant, account_id))["health"] == "ok"

    await until(polled)


async def test_of_several_locations_one_is_chosen_and_several_may_be(tmp_path):
    async with town(tmp_path, one_merchant=True) as here:
        tenant, browser = await here.shop.tenant("bakery"), here.browser()
        spy = await here.shop.tenant("spy")
        link = await here.link(tenant, redirect_to=f"{BACK}?tab=pos")
        sent = await browser.connects(link["authorize_url"])
        assert sent.status_code == 303
        told = parse_qs(urlsplit(sent.headers["location"]).query)
        assert sent.headers["location"].startswith(f"{BACK}?tab=pos&")
        assert told["outcome"] == ["choose"]
        assert told["attempt"] == [link["attempt_id"]]
        attempt = await here.attempt(tenant, link)
        assert [one["location_id"] for one in attempt["locations"]] == here.locations
        where = f"{API}/oauth/attempts/{link['attempt_id']}/connect"
        form = {"location_ids": here.locations}
        assert (await spy.post(where, json=form)).status_code == 404
        assert (await tenant.post(where, json={"location_ids": ["L?"]})).status_code == 422
        made = (await tenant.post(where, json=form)).json()
        assert len(made["account_ids"]) == 2
        assert (await tenant.post(where, json=form)).status_code == 409


async def test_a_location_that_was_asked_for_is_the_only_one_connected(tmp_path):
    async with town(tmp_path, one_merchant=True) as here:
        tenant = await here.shop.tenant("bakery")
        link = await here.link(tenant, location_id=here.locations[1])
        assert (await here.browser().connects(link["authorize_url"])).status_code == 200
        (account,) = (await tenant.get(f"{API}/accounts")).json()["items"]
        assert account["location_id"] == here.locations[1]
        link = await here.link(tenant, location_id="LSOMEWHERE")
        assert (await here.browser().connects(link["authorize_url"])).status_code == 400
        assert (await here.attempt(tenant, link))["status"] == "failed"


# -- who may come back -----------------------------------------------------------------------


async def test_what_the_browser_brings_is_taken_once(here):
    tenant, browser = await here.shop.tenant("bakery"), here.browser()
    link = await here.link(tenant)
    back = await browser.opens(link["authorize_url"])
    first, second = await asyncio.gather(browser.ours.get(back), browser.ours.get(back))
    assert sorted((first.status_code, second.status_code)) == [200, 400]
    assert (await browser.ours.get(back)).status_code == 400
    assert (await browser.ours.get(link["authorize_url"])).status_code == 400


async def test_another_browser_cannot_bring_it_back_and_does_not_spoil_it(here):
    tenant, browser = await here.shop.tenant("bakery"), here.browser()
    back = await browser.opens((await here.link(tenant))["authorize_url"])
    stranger = here.browser()
    assert (await stranger.ours.get(back)).status_code == 400
    await stranger.opens((await here.link(tenant))["authorize_url"])
    assert (await stranger.ours.get(back)).status_code == 400
    assert (await tenant.get(f"{API}/accounts")).json()["items"] == []
    assert (await browser.ours.get(back)).status_code == 200


async def test_a_state_of_another_provider_a_forged_or_a_doubled_one_is_refused(here):
    tenant, browser = await here.shop.tenant("bakery"), here.browser()
    back = await browser.opens((await here.link(tenant))["authorize_url"])
    query = urlsplit(back).query
    state = parse_qs(query)["state"][0]
    name, _, mark = state.partition(".")
    other = (await here.link(tenant))["attempt_id"]
    for path, forged in (
        ("lightspeed-x", query),
        ("square", query.replace(name, other)),
        ("square", query.replace(mark, "A" * len(mark))),
        ("square", query.replace(state, "")),
        ("square", f"{query}&state={state}"),
        ("square", ""),
    ):
        answer = await browser.ours.get(f"{API}/oauth/{path}/callback?{forged}")
        assert answer.status_code == 400, (path, forged)
    assert (await browser.ours.get(back)).status_code == 200


async def test_a_link_is_good_for_ten_minutes(tmp_path):
    late = timedelta()
    async with town(tmp_path, clock=lambda: datetime.now(UTC) + late) as here:
        tenant, browser = await here.shop.tenant("bakery"), here.browser()
        link = await here.link(tenant)
        back = await browser.opens(link["authorize_url"])
        late = timedelta(minutes=11)
        assert (await browser.ours.get(back)).status_code == 400
        assert (await browser.ours.get(link["authorize_url"])).status_code == 400


async def test_a_merchant_who_says_no_connects_nothing_and_is_told_so(here):
    tenant, browser = await here.shop.tenant("bakery"), here.browser()
    here.square.sign_in(here.merchants[0], denies=True)
    link = await here.link(tenant)
    answer = await browser.connects(link["authorize_url"])
    assert answer.status_code == 400
    assert "access was not allowed" in answer.text
    assert (await here.attempt(tenant, link))["problem"].startswith("access was not allowed")


async def test_pages_quote_nothing_and_run_nothing(here):
    tenant, browser = await here.shop.tenant("bakery"), here.browser()
    back = await browser.opens((await here.link(tenant))["authorize_url"])
    base, _, query = back.partition("?")
    state = parse_qs(query)["state"][0]
    script = "%3Cscript%3Ealert(1)%3C/script%3E"
    answer = await browser.ours.get(
        f"{base}?error={script}&error_description={script}&state={state}"
    )
    assert answer.status_code == 400
    assert "script" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_browser_is_sent_only_where_the_operator_allows(here):
    tenant = await here.shop.tenant("bakery")
    for url in (
        "https://evil.example/",
        "https://shop.example/settings/../evil",
        "https://shop.example.evil.example/settings",
        "https://shop.example/settings#https://evil.example",
        "//shop.example/settings",
        "https://user@shop.example/settings",
        "javascript:alert(1)",
    ):
        form = {"redirect_to": url}
        answer = await tenant.post(f"{API}/oauth/square/authorize", json=form)
        assert answer.status_code == 422, url
        assert url not in answer.text


async def test_the_redirect_uri_is_ours_whatever_host_the_browser_names(here):
    tenant = await here.shop.tenant("bakery")
    link = await here.link(tenant)
    left = await here.browser().ours.get(
        link["authorize_url"], headers={"host": "evil.example", "x-forwarded-host": "evil"}
    )
    query = parse_qs(urlsplit(left.headers["location"]).query)
    assert query["redirect_uri"] == [f"{PUBLIC}{API}/oauth/square/callback"]
    cookie = left.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


async def test_over_https_the_cookie_is_of_this_host_alone(tmp_path):
    async with town(tmp_path, public_url="https://tills.example") as here:
        link = await here.link(await here.shop.tenant("bakery"))
        left = await here.browser().ours.get(link["authorize_url"])
        cookie = left.headers["set-cookie"]
        assert cookie.startswith("__Host-tillstream-oauth=")
        assert "Secure" in cookie
        assert "Path=/;" in cookie
        assert "Domain" not in cookie


async def test_without_a_public_url_no_link_is_given(tmp_path):
    async with town(tmp_path, public_url=None) as here:
        tenant = await here.shop.tenant("bakery")
        for name in ("square", "toast", "corepos", "nothing"):
            answer = await tenant.post(f"{API}/oauth/{name}/authorize", json={})
            assert answer.status_code == 422, name


# -- again -----------------------------------------------------------------------------------


async def connected(here, tenant):
    link = await here.link(tenant)
    await here.browser().connects(link["authorize_url"])
    (account_id,) = (await here.attempt(tenant, link))["account_ids"]
    return account_id


async def again(here, tenant, account_id):
    answer = await tenant.post(f"{API}/accounts/{account_id}/reconnect", json={})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_revoked_account_is_reconnected_by_the_same_merchant_and_polled_again(here):
    tenant = await here.shop.tenant("bakery")
    account_id = await connected(here, tenant)
    here.square.revoke(here.merchants[0], datetime.now(UTC))
    await tenant.post(f"{API}/accounts/{account_id}/sync")

    async def failing():
        return (await health(tenant, account_id))["health"] == "failing"

    await until(failing)
    link = await again(here, tenant, account_id)
    done = await here.browser().connects(link["authorize_url"])
    assert done.status_code == 200, done.text

    async def well():
        state = await health(tenant, account_id)
        return state["health"] == "ok" and state["consecutive_failures"] == 0

    await until(well)


async def test_another_merchant_cannot_take_an_account_over(here):
    tenant, spy = await here.shop.tenant("bakery"), await here.shop.tenant("spy")
    account_id = await connected(here, tenant)
    before = here.shop.worker.directory.account(account_id)
    answer = await spy.post(f"{API}/accounts/{account_id}/reconnect", json={})
    assert answer.status_code == 404
    form = {"account_id": account_id}
    assert (await spy.post(f"{API}/oauth/square/authorize", json=form)).status_code == 404
    here.square.sign_in(here.merchants[1])
    link = await again(here, tenant, account_id)
    refused = await here.browser().connects(link["authorize_url"])
    assert refused.status_code == 400
    assert "another merchant" in refused.text
    assert here.shop.worker.directory.account(account_id) == before


# -- secrets ---------------------------------------------------------------------------------


async def test_no_token_verifier_or_secret_is_readable_on_the_disk(here, tmp_path):
    tenant = await here.shop.tenant("bakery")
    account_id = await connected(here, tenant)
    worker = here.shop.worker
    known = opened(worker.directory.account(account_id), worker.sealer)
    assert known.refresh_token
    everything = b"".join(one.read_bytes() for one in tmp_path.rglob("*") if one.is_file())
    for secret in (known.access_token, known.refresh_token, "hush-hush-secret"):
        assert secret.encode() not in everything

from tests.http.harness import API

TENANTS = "/api/v1/tenants"


async def test_a_tenant_is_made_with_a_key_that_is_told_once(shop):
    made = await shop.admin.post(TENANTS, json={"name": "Bakery", "tenant_id": "bakery"})
    assert made.status_code == 201
    key = made.json()["api_key"]
    assert key.startswith(f"ts_{made.json()['prefix']}_")
    assert (await shop.as_key(key).get(f"{API}/accounts")).status_code == 200
    listed = await shop.admin.get(TENANTS)
    assert key not in listed.text
    assert [tenant["tenant_id"] for tenant in listed.json()["items"]] == ["bakery"]


async def test_of_a_key_only_its_hash_is_kept(shop):
    made = (await shop.admin.post(TENANTS, json={"name": "Bakery"})).json()
    tenant = shop.worker.directory.tenant(made["tenant_id"])
    secret = made["api_key"].split("_", 2)[2]
    assert secret not in str(tenant)
    assert len(tenant.api_keys[0].sha256) == 64


async def test_an_id_can_be_taken_once(shop):
    form = {"name": "Bakery", "tenant_id": "bakery"}
    assert (await shop.admin.post(TENANTS, json=form)).status_code == 201
    assert (await shop.admin.post(TENANTS, json=form)).status_code == 409


async def test_nobody_can_be_the_system_s_own_tenant(shop):
    form = {"name": "Bakery", "tenant_id": "_unclaimed"}
    assert (await shop.admin.post(TENANTS, json=form)).status_code == 422
    await shop.deliver(b"{}")
    assert (await shop.admin.post(f"{TENANTS}/_unclaimed/keys", json={})).status_code == 404


async def test_a_key_more_works_and_a_withdrawn_one_does_not(shop):
    first = await shop.tenant("bakery")
    more = await shop.admin.post(f"{TENANTS}/bakery/keys", json={"name": "till 2"})
    assert more.status_code == 201
    second = shop.as_key(more.json()["api_key"])
    assert (await second.get(f"{API}/accounts")).status_code == 200
    gone = await shop.admin.delete(f"{TENANTS}/bakery/keys/{more.json()['prefix']}")
    assert gone.status_code == 204
    assert (await second.get(f"{API}/accounts")).status_code == 401
    assert (await first.get(f"{API}/accounts")).status_code == 200
    again = await shop.admin.delete(f"{TENANTS}/bakery/keys/{more.json()['prefix']}")
    assert again.status_code == 404


async def test_the_operator_s_routes_are_closed_to_tenants_and_strangers(shop):
    bakery = await shop.tenant("bakery")
    for client in (shop.client, bakery, shop.as_key("an-admin-key-of-testz")):
        assert (await client.post(TENANTS, json={"name": "x"})).status_code == 401
        assert (await client.get(TENANTS)).status_code == 401


async def test_keys_that_are_nearly_right_are_wrong(shop):
    made = (await shop.admin.post(TENANTS, json={"name": "Bakery"})).json()["api_key"]
    ts, prefix, secret = made.split("_", 2)
    for key in (
        made[:-1],
        made + "x",
        f"{ts}_{prefix}_",
        f"{ts}_{prefix}",
        secret,
        f"tx_{prefix}_{secret}",
        made.upper(),
    ):
        answer = await shop.as_key(key).get(f"{API}/accounts")
        assert answer.status_code == 401
        assert "www-authenticate" in answer.headers

"""Whose a location is, where our own application opens them all."""

from tests.http.harness import API, house

LOGIN = {"client_id": "us", "client_secret": "hush-hush-secret"}


async def connects(client, location="LSPICE"):
    form = {"provider": "toast", "location_id": location}
    return (await client.post(f"{API}/accounts", json=form)).status_code


async def test_a_single_tenant_connects_any_restaurant_that_lets_us_in(tmp_path):
    async with house(tmp_path, toast=LOGIN) as shop:
        assert await connects(await shop.tenant("only")) == 201


async def test_with_several_tenants_nobody_connects_what_the_operator_has_not_named(tmp_path):
    async with house(tmp_path, toast=LOGIN) as shop:
        tenants = [await shop.tenant(name) for name in ("one", "other")]
        for tenant in tenants:
            assert await connects(tenant) == 403
            assert await connects(tenant, "unknown") == 403, "nor is it said what there is"


async def test_a_tenant_connects_what_the_operator_has_named_as_its_own(tmp_path):
    named = "one:LSPICE, other:LHERB"
    async with house(tmp_path, toast={**LOGIN, "restaurants": named}) as shop:
        one = await shop.tenant("one")
        assert await connects(one, "LHERB") == 403, "even while it is alone"
        other = await shop.tenant("other")
        assert await connects(one) == 201
        assert await connects(other) == 403
        assert await connects(other, "LHERB") == 201

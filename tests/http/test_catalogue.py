from tests.http.harness import API

PRODUCTS = f"{API}/products"
MAPPINGS = f"{API}/mappings"


def product(number, **more):
    return {"product_id": f"p-{number:04d}", "name": f"Bun number {number}"} | more


async def net_by_product(client):
    rows = (await client.get(f"{API}/sales")).json()["items"]
    sums = {}
    for row in rows:
        sums[row["product_id"]] = sums.get(row["product_id"], 0) + row["net"]
    return sums


async def test_products_are_seen_by_the_next_read(shop):
    bakery = await shop.tenant("bakery")
    answer = await bakery.put(PRODUCTS, json={"products": [product(1, sku="BUN-1")]})
    assert answer.status_code == 200
    assert answer.json()["created"] == 1
    assert (await bakery.get(f"{PRODUCTS}/p-0001")).json()["sku"] == "BUN-1"


async def test_the_same_products_again_write_nothing(shop):
    bakery = await shop.tenant("bakery")
    form = {"products": [product(number) for number in range(10)]}
    await bakery.put(PRODUCTS, json=form)
    before = shop.worker.runtime.views.ends()
    again = (await bakery.put(PRODUCTS, json=form)).json()
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 10)
    assert shop.worker.runtime.views.ends() == before
    form["products"][3]["name"] = "Roll"
    changed = (await bakery.put(PRODUCTS, json=form)).json()
    assert (changed["created"], changed["updated"], changed["unchanged"]) == (0, 1, 9)


async def test_five_thousand_products_go_in_one_request_and_not_one_more(shop):
    bakery = await shop.tenant("bakery")
    form = {"products": [product(number) for number in range(5_000)]}
    answer = await bakery.put(PRODUCTS, json=form)
    assert answer.status_code == 200
    assert answer.json()["created"] == 5_000
    form["products"].append(product(5_001))
    assert (await bakery.put(PRODUCTS, json=form)).status_code == 422


async def test_a_product_twice_in_a_request_is_refused(shop):
    bakery = await shop.tenant("bakery")
    answer = await bakery.put(PRODUCTS, json={"products": [product(1), product(1)]})
    assert answer.status_code == 422


async def test_pages_of_products_stay_right_while_products_come_and_go(shop):
    bakery = await shop.tenant("bakery")
    await bakery.put(PRODUCTS, json={"products": [product(n) for n in range(0, 20, 2)]})
    first = (await bakery.get(PRODUCTS, params={"limit": 4})).json()
    await bakery.put(PRODUCTS, json={"products": [product(1), product(9)]})
    await bakery.delete(f"{PRODUCTS}/p-0000")
    await bakery.delete(f"{PRODUCTS}/p-0006")
    rest = (
        await bakery.get(PRODUCTS, params={"limit": 100, "cursor": first["next_cursor"]})
    ).json()
    seen = [item["product_id"] for item in first["items"] + rest["items"]]
    assert seen == [f"p-{n:04d}" for n in (0, 2, 4, 6, 8, 9, 10, 12, 14, 16, 18)]
    assert rest["next_cursor"] is None


async def test_a_deleted_product_is_gone(shop):
    bakery = await shop.tenant("bakery")
    await bakery.put(PRODUCTS, json={"products": [product(1)]})
    assert (await bakery.delete(f"{PRODUCTS}/p-0001")).status_code == 200
    assert (await bakery.get(f"{PRODUCTS}/p-0001")).status_code == 404
    assert (await bakery.delete(f"{PRODUCTS}/p-0001")).status_code == 404


async def test_mapping_moves_all_the_product_ever_sold_and_undoing_moves_it_back(shop):
    bakery = await shop.tenant("bakery")
    account = await shop.connected(bakery)
    await shop.sell(account["account_id"], "weighed-quantities")
    before = await net_by_product(bakery)
    unmapped = (await bakery.get(f"{MAPPINGS}/unmapped")).json()["items"]
    first = unmapped[0]
    assert first["moves"]["net"] > 0

    await bakery.put(PRODUCTS, json={"products": [product(1)]})
    form = {
        "account_id": account["account_id"],
        "pos_product_id": first["pos_product_id"],
        "product_id": "p-0001",
    }
    made = await bakery.post(MAPPINGS, json=form)
    assert made.status_code == 201
    assert made.json()["mapping"]["type"] == "manual"
    assert made.json()["mapping"]["product_id"] == "p-0001"
    moved = first["moves"]["net"]
    assert await net_by_product(bakery) == {None: before[None] - moved, "p-0001": moved}
    left = (await bakery.get(f"{MAPPINGS}/unmapped")).json()["items"]
    assert [row["pos_product_id"] for row in left] == [
        row["pos_product_id"] for row in unmapped[1:]
    ]

    where = f"{MAPPINGS}/{account['account_id']}/{first['pos_product_id']}"
    assert (await bakery.delete(where)).status_code == 200
    assert await net_by_product(bakery) == before
    assert (await bakery.get(f"{MAPPINGS}/unmapped")).json()["items"][0] == first
    assert (await bakery.delete(where)).status_code == 404


async def test_a_mapping_is_created_once_and_then_changed(shop):
    bakery = await shop.tenant("bakery")
    account = await shop.connected(bakery)
    await bakery.put(PRODUCTS, json={"products": [product(1), product(2)]})
    form = {"account_id": account["account_id"], "pos_product_id": "VCHEESE"}
    assert (
        await bakery.post(MAPPINGS, json=form | {"product_id": "p-0001"})
    ).status_code == 201
    assert (
        await bakery.post(MAPPINGS, json=form | {"product_id": "p-0002"})
    ).status_code == 409
    where = f"{MAPPINGS}/{account['account_id']}/VCHEESE"
    changed = await bakery.put(where, json={"product_id": "p-0002"})
    assert changed.json()["mapping"]["product_id"] == "p-0002"
    (mapping,) = (await bakery.get(MAPPINGS)).json()["items"]
    assert mapping["product_id"] == "p-0002"
    assert mapping["mapped_by"] == "default"


async def test_mapping_to_a_product_that_is_not_in_the_catalogue_is_refused(shop):
    bakery = await shop.tenant("bakery")
    account = await shop.connected(bakery)
    form = {
        "account_id": account["account_id"],
        "pos_product_id": "VCHEESE",
        "product_id": "p-0404",
    }
    assert (await bakery.post(MAPPINGS, json=form)).status_code == 422


async def test_a_product_known_only_by_its_typed_in_name_can_be_mapped(shop):
    bakery = await shop.tenant("bakery")
    account = await shop.connected(bakery)
    await shop.sell(account["account_id"], "money-without-an-order")
    (row, *_) = (await bakery.get(f"{MAPPINGS}/unmapped")).json()["items"]
    assert row["pos_product_id"].startswith("custom:")
    await bakery.put(PRODUCTS, json={"products": [product(1)]})
    where = f"{MAPPINGS}/{account['account_id']}/{row['pos_product_id']}"
    answer = await bakery.put(where, json={"product_id": "p-0001"})
    assert answer.json()["mapping"]["pos_product_id"] == row["pos_product_id"]
    assert "p-0001" in await net_by_product(bakery)


async def test_unmapped_products_are_ranked_by_revenue_and_paged(shop):
    bakery = await shop.tenant("bakery")
    account = await shop.connected(bakery)
    for sample in ("weighed-quantities", "money-without-an-order"):
        await shop.sell(account["account_id"], sample)
    whole = (await bakery.get(f"{MAPPINGS}/unmapped")).json()["items"]
    nets = [row["moves"]["net"] for row in whole]
    assert nets == sorted(nets, reverse=True)
    assert len(nets) > 2
    paged, cursor = [], None
    while len(paged) < len(whole):
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = (await bakery.get(f"{MAPPINGS}/unmapped", params=query)).json()
        paged += page["items"]
        cursor = page["next_cursor"]
    assert paged == whole
    assert cursor is None
    revenue = (await bakery.get(f"{API}/unmapped-revenue")).json()
    assert revenue["totals"] == [{"currency": "EUR", "net": sum(nets)}]


async def test_products_that_come_after_the_sale_are_matched_with_it(shop):
    bakery = await shop.tenant("bakery")
    account = await shop.connected(bakery)
    await shop.sell(account["account_id"], "weighed-quantities")
    await bakery.put(
        PRODUCTS,
        json={"products": [product(1, name="Holzofenbrot"), product(2, name="Zwieback")]},
    )
    assert (await net_by_product(bakery)).get("p-0001", 0) > 0


async def test_auto_map_matches_again_what_a_person_had_left(shop):
    bakery = await shop.tenant("bakery")
    account = await shop.connected(bakery)
    await shop.sell(account["account_id"], "weighed-quantities")
    count = len((await bakery.get(f"{MAPPINGS}/unmapped")).json()["items"])
    answer = await bakery.post(f"{MAPPINGS}/auto-map", json={})
    assert answer.status_code == 200
    assert answer.json()["asked"] == count
    assert answer.json()["mapped"] == 0
    assert answer.json()["unmapped"] == count

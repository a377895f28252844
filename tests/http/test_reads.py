import pytest

from tests.http.harness import API


async def sold(shop):
    bakery = await shop.tenant("bakery")
    accounts = [await shop.connected(bakery, f"LBAKERY0{number}") for number in (1, 2)]
    await shop.sell(accounts[0]["account_id"], "weighed-quantities")
    await shop.sell(accounts[0]["account_id"], "money-without-an-order")
    return bakery, accounts


async def everything(client, path, **query):
    items, cursor = [], None
    while True:
        given = query | ({"cursor": cursor} if cursor else {})
        answer = await client.get(f"{API}/{path}", params=given)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return items


@pytest.mark.parametrize("path", ["transactions", "sales", "sales-days", "inventory"])
async def test_pages_of_any_size_give_the_same_rows_in_the_same_order(shop, path):
    bakery, _ = await sold(shop)
    whole = await everything(bakery, path)
    assert whole
    for limit in (1, 2, 3):
        assert await everything(bakery, path, limit=limit) == whole


@pytest.mark.parametrize("path", ["transactions", "sales", "sales-days"])
async def test_days_are_inclusive_at_both_ends(shop, path):
    bakery, _ = await sold(shop)
    whole = await everything(bakery, path)
    days = sorted({row["business_day"] for row in whole})
    assert len(days) > 1
    for first in days:
        for last in days:
            if first <= last:
                rows = await everything(bakery, path, **{"from": first, "to": last, "limit": 2})
                assert rows == [r for r in whole if first <= r["business_day"] <= last]
    answer = await bakery.get(f"{API}/{path}", params={"from": days[1], "to": days[0]})
    assert answer.status_code == 422


async def test_one_account_or_all_of_the_tenant(shop):
    bakery, (first, second) = await sold(shop)
    assert await everything(bakery, "sales", account_id=second["account_id"]) == []
    rows = await everything(bakery, "sales", account_id=first["account_id"])
    assert rows == await everything(bakery, "sales")


async def test_a_transaction_is_found_by_its_id(shop):
    bakery, (first, second) = await sold(shop)
    for tx in await everything(bakery, "transactions"):
        where = f"{API}/transactions/{tx['transaction_id']}"
        assert (await bakery.get(where)).json() == tx
        query = {"account_id": first["account_id"]}
        assert (await bakery.get(where, params=query)).json() == tx
        query = {"account_id": second["account_id"]}
        assert (await bakery.get(where, params=query)).status_code == 404


async def test_amounts_are_whole_numbers_with_their_currency_and_quantities_are_text(shop):
    bakery, _ = await sold(shop)
    for row in await everything(bakery, "sales"):
        assert isinstance(row["net"], int)
        assert row["currency"] == "EUR"
        assert isinstance(row["units"], str)


@pytest.mark.parametrize(
    "cursor", ["", "x", "e30", "bm9wZQ", "WyJ4IiwieSJd", "%00", "é", "A" * 1025]
)
async def test_a_cursor_that_is_none_of_ours_is_refused(shop, cursor):
    bakery, _ = await sold(shop)
    answer = await bakery.get(f"{API}/sales", params={"cursor": cursor})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_cursor_belongs_to_its_question(shop):
    bakery, _ = await sold(shop)
    cursor = (await bakery.get(f"{API}/sales", params={"limit": 1})).json()["next_cursor"]
    answer = await bakery.get(f"{API}/sales-days", params={"limit": 1, "cursor": cursor})
    assert answer.status_code == 400

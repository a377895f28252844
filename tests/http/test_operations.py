"""What an operator does to the running log, over HTTP."""

from schemas import topics

OPERATIONS = "/api/v1/operations"
GARBAGE = b'{"merchant_id": "MLBAKERY", "type": "payment.updated", "data": {"object": 7}}'


async def rejected(shop, **query):
    answer = await shop.admin.get(f"{OPERATIONS}/rejected", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_dead_letters_are_listed_and_redriven_while_it_runs(shop):
    client = await shop.tenant("bakery")
    await shop.connected(client)
    assert (await shop.deliver(GARBAGE)).status_code == 202
    await shop.settle()
    (letter,) = await rejected(shop)
    assert (letter["stage"], letter["redriven"]) == ("normalise", False)
    assert "MLBAKERY" not in str(letter)
    answer = await shop.admin.post(f"{OPERATIONS}/rejected/redrive", json={})
    assert answer.json() == {"redriven": 1, "rejected_now": 1}
    assert len(await rejected(shop, every=True)) == 2
    assert await rejected(shop, stage="project") == []


async def test_a_replay_by_the_same_program_finds_nothing_to_change(shop):
    client = await shop.tenant("bakery")
    account = await shop.connected(client)
    await shop.sell(account["account_id"], "card-with-tip")
    answer = await shop.admin.post(f"{OPERATIONS}/replay", json={"dry_run": False})
    assert answer.json() == {"changed": 0, "written": True, "days": []}


async def test_a_backup_is_made_once_under_its_name(shop):
    made = await shop.admin.post(f"{OPERATIONS}/backup", json={"name": "monday"})
    assert made.status_code == 201
    assert made.json()["folder"].endswith("backups/monday")
    again = await shop.admin.post(f"{OPERATIONS}/backup", json={"name": "monday"})
    assert again.status_code == 409
    outside = await shop.admin.post(f"{OPERATIONS}/backup", json={"name": "../x"})
    assert outside.status_code == 422


async def test_operations_are_for_the_admin_key_alone(shop):
    client = await shop.tenant("bakery")
    for asking in (client, shop.client):
        for method, path in (
            ("GET", "rejected"),
            ("POST", "rejected/redrive"),
            ("POST", "replay"),
            ("POST", "backup"),
        ):
            answer = await asking.request(method, f"{OPERATIONS}/{path}", json={"name": "x"})
            assert answer.status_code == 401, path


async def test_records_of_a_topic_are_shown_to_the_operator_page_by_page(shop):
    client = await shop.tenant("bakery")
    account = await shop.connected(client)
    await shop.sell(account["account_id"], "weighed-quantities")
    path = f"/api/v1/operations/topics/{topics.TRANSACTIONS}"
    answer = (await shop.admin.get(path)).json()
    assert answer["at_end"]
    assert {it["value"]["account_id"] for it in answer["items"]} == {account["account_id"]}
    again = (await shop.admin.get(path, params={"after": answer["after"]})).json()
    assert again["items"] == []
    for wrong in ({"start": "soon"}, {"after": "x"}, {"lane": "99"}):
        assert (await shop.admin.get(path, params=wrong)).status_code == 422
    assert (await shop.admin.get("/api/v1/operations/topics/pos.none")).status_code == 422
    assert (await client.get(path)).status_code in {401, 403}


async def test_a_request_keeps_the_id_it_came_with_if_that_is_harmless(shop):
    given = await shop.client.get("/livez", headers={"x-request-id": "abc-12345"})
    assert given.headers["x-request-id"] == "abc-12345"
    odd = await shop.client.get("/livez", headers={"x-request-id": "a b\tc<script>"})
    assert odd.headers["x-request-id"] != "a b\tc<script>"

"""What an operator does to the running log, over HTTP."""

from schemas import topics
from streams.http import operations

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
    lane, offset = map(int, letter["letter_id"].split("/"))
    ends = {str(one): (offset + 1) * (one == lane) for one in range(2)}
    first = {"redriven": 1, "left": 0, "rejected_now": 1, "ends": ends}
    assert answer.json() == first
    assert len(await rejected(shop, every=True)) == 2
    again = await shop.admin.post(f"{OPERATIONS}/rejected/redrive", json={"ends": ends})
    assert again.json() == first | {"redriven": 0}
    assert await rejected(shop, stage="project") == []


async def test_letters_are_sent_in_pieces_and_none_that_came_back(shop):
    client = await shop.tenant("bakery")
    await shop.connected(client)
    for number in range(3):
        await shop.deliver(GARBAGE.replace(b"7", b"%d" % number))
    await shop.settle()
    path, told = f"{OPERATIONS}/rejected/redrive", []
    ends = (await shop.admin.post(path, json={"most": 0})).json()["ends"]
    for _ in range(3):
        answer = (await shop.admin.post(path, json={"most": 2, "ends": ends})).json()
        told.append((answer["redriven"], answer["left"], answer["rejected_now"]))
    assert told == [(2, 1, 3), (1, 0, 3), (0, 0, 3)]


async def replayed(shop, **form):
    """Ask for one piece after the other, as a client does."""
    pieces, place = [], {}
    while place is not None:
        answer = await shop.admin.post(f"{OPERATIONS}/replay", json={**form, **place})
        assert answer.status_code == 200, answer.text
        pieces.append(answer.json())
        place = pieces[-1]["next"]
    return pieces


async def test_a_replay_by_the_same_program_finds_nothing_to_change(shop):
    client = await shop.tenant("bakery")
    account = await shop.connected(client)
    await shop.sell(account["account_id"], "card-with-tip")
    pieces = await replayed(shop, dry_run=False)
    assert [(it["lane"], it["written"], it["differences"]) for it in pieces] == [
        (lane, True, []) for lane in range(2)
    ]
    assert all(it["upto"] == it["end"] and it["processed"] for it in pieces)


async def test_a_replay_in_pieces_reads_all_once_and_a_place_that_is_none_is_refused(
    shop, monkeypatch
):
    client = await shop.tenant("bakery")
    account = await shop.connected(client)
    await shop.sell(account["account_id"], "weighed-quantities")
    (whole,) = [it for it in await replayed(shop) if it["end"]]
    monkeypatch.setattr(operations, "SLICE", 1)
    pieces = [it for it in await replayed(shop) if it["end"]]
    assert [it["upto"] for it in pieces] == list(range(1, whole["end"] + 1))
    elsewhere = {"lane": whole["lane"], "offset": whole["end"] + 1}
    answer = await shop.admin.post(f"{OPERATIONS}/replay", json=elsewhere)
    assert answer.json()["upto"] == 1
    for wrong in ({"lane": 2}, {"lane": -1}, {"offset": -1}, {"since": "2026-05-04T00:00:00"}):
        answer = await shop.admin.post(f"{OPERATIONS}/replay", json=wrong)
        assert answer.status_code == 422, wrong


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

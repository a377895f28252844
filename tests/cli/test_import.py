"""`tillstream import csv`, against a real API."""

import json
from pathlib import Path

import msgspec
import pytest

from connectors.contract import Response
from connectors.push.mapping import read_mapping
from streams.cli.importing import Job, carry_out
from streams.errors import SetupError
from tests.connectors.push.test_sheet import HEAD, PLAIN, ROW
from tests.http.harness import API, house


class Asking:
    """Speaks to the application without a socket."""

    def __init__(self, client):
        self.client = client

    async def call(self, method, path):
        return (await self.client.request(method, path)).json()

    async def answer(self, method, path, body):
        content = msgspec.json.encode(body)
        answer = await self.client.request(method, path, content=content)
        return Response(status=answer.status_code, body=answer.content)


@pytest.fixture
async def till(tmp_path: Path):
    async with house(tmp_path) as shop:
        client = await shop.tenant("bakery")
        form = {"provider": "push", "location_id": "c", "location_name": "Counter"}
        form |= {"timezone": "Europe/Berlin", "currency": "EUR"}
        account = (await client.post(f"{API}/accounts", json=form)).json()
        yield client, account["account_id"]


def job(account, path, text, **more):
    path.write_text(text)
    mapping = read_mapping(PLAIN)
    return Job(file=path, mapping=mapping, account_id=account, json=True, **more)


async def total_of(client):
    return sum(day["total"] for day in (await client.get(f"{API}/sales-days")).json()["items"])


def told(capsys):
    said = capsys.readouterr()
    return [json.loads(line) for line in said.out.splitlines() if line[0] == "{"], said.err


async def test_a_file_is_imported_once_however_often_it_is_sent(till, tmp_path, capsys):
    client, account = till
    text = HEAD + "".join(ROW.replace("1,", f"{n},", 1) for n in range(1200))
    assert await carry_out(job(account, tmp_path / "a.csv", text), Asking(client))
    assert await carry_out(job(account, tmp_path / "a.csv", text), Asking(client))
    (first, second), _ = told(capsys)
    assert (first["rows"], first["accepted"], first["duplicates"]) == (1200, 1200, 0)
    assert (second["accepted"], second["duplicates"]) == (0, 1200)
    assert await total_of(client) == 1200 * 240


async def test_a_dry_run_shows_the_days_and_writes_nothing(till, tmp_path, capsys):
    client, account = till
    asked = job(account, tmp_path / "a.csv", HEAD + ROW, dry_run=True)
    assert await carry_out(asked, Asking(client))
    assert told(capsys)[0] == [{"day": "2026-05-04", "transactions": 1, "total": 240}]
    assert await total_of(client) == 0


async def test_a_wrong_line_stops_all_unless_the_rest_is_asked_for(till, tmp_path, capsys):
    client, account = till
    text = HEAD + ROW + ROW.replace("1,", "2,", 1).replace("1.20", "free")
    assert not await carry_out(job(account, tmp_path / "a.csv", text), Asking(client))
    assert "a.csv:3: column 'price': 'free' is no number" in told(capsys)[1]
    assert await total_of(client) == 0
    rest = job(account, tmp_path / "a.csv", text, skip_errors=True)
    assert not await carry_out(rest, Asking(client))
    assert await total_of(client) == 240


async def test_other_content_needs_a_higher_version(till, tmp_path, capsys):
    client, account = till
    path, changed = tmp_path / "a.csv", HEAD + ROW.replace("1.20", "1.30")
    await carry_out(job(account, path, HEAD + ROW), Asking(client))
    assert not await carry_out(job(account, path, changed), Asking(client))
    assert "a.csv:2: this bill was imported before" in told(capsys)[1]
    assert await carry_out(job(account, path, changed, version=2), Asking(client))
    assert await total_of(client) == 260


async def test_a_till_that_is_disconnected_says_so(till, tmp_path):
    client, account = till
    await client.delete(f"{API}/accounts/{account}")
    with pytest.raises(SetupError, match="line 2 on: the account is disconnected"):
        await carry_out(job(account, tmp_path / "a.csv", HEAD + ROW), Asking(client))

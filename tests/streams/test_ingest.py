import pytest

from connectors.contract import Rejected, Route
from schemas import topics
from schemas.codec import decode
from schemas.raw import Channel, RawEvent
from streams.directory import UNCLAIMED
from streams.errors import SetupError
from streams.ingest import kept_headers
from streams.log import TP, DeadLetter, LogUnavailableError, lane_of, rejection
from streams.operations.rejected import Choice, chosen
from tests.streams.desk import LANES, NOW, an_account, desk


class Counter:
    """A provider whose bodies are "location:delivery", and whose merchant is always ML."""

    provider = "square"

    def route(self, body):
        location, colon, delivery = body.decode().partition(":")
        if not colon:
            return Rejected("unreadable", "no colon")
        return Route(
            merchant="ML",
            locations=(location,) if location else (),
            delivery_id=delivery,
            resource="sale",
        )


CONNECTORS = {"square": Counter()}


async def records(log, topic):
    tps = [TP(topic, lane) for lane in range(LANES)]
    bounds = await log.bounds(tps)
    reader = await log.reader({tp: begin for tp, (begin, _) in bounds.items()})
    found = []
    while any(reader.positions[tp] < end for tp, (_, end) in bounds.items()):
        for chunk in (await reader.read(1.0)).values():
            found += chunk.records
    await reader.close()
    return found


async def raws(log):
    return [
        (record, decode(RawEvent, record.value)) for record in await records(log, topics.RAW)
    ]


async def reject_all(made):
    """Do what the stage `normalise` does with raw events of nobody."""
    for record, raw in await raws(made.log):
        if not raw.account_id:
            letter = DeadLetter(record, "unknown-account", "nobody claims it")
            await made.log.append(
                topics.REJECTED, [rejection("normalise", letter)], record.partition
            )


async def deliver(made, body):
    return await made.ingest.delivered(CONNECTORS["square"], body, {})


async def test_a_body_is_in_the_account_s_lane_sealed_and_byte_for_byte(tmp_path):
    async with desk(tmp_path, CONNECTORS) as made:
        await made.directory.create_tenant("bakery", "Bakery")
        account = an_account("a1")
        body = b'{ "exact" :  bytes \xff'
        (raw_id,) = await made.ingest.append(
            account, Channel.WEBHOOK, "sale", [body], delivery_id="d1"
        )
        ((record, raw),) = await raws(made.log)
        assert record.key == b"a1"
        assert record.partition == lane_of(b"a1", LANES)
        assert (raw.raw_id, raw.tenant_id, raw.account_id) == (raw_id, "bakery", "a1")
        assert (raw.channel, raw.resource, raw.received_at) == (Channel.WEBHOOK, "sale", NOW)
        assert body not in record.value
        assert made.sealer.open(raw.body, tenant="bakery", record=raw_id) == body


async def test_the_same_delivery_has_the_same_id_and_another_body_another(tmp_path):
    async with desk(tmp_path, CONNECTORS) as made:
        await made.directory.create_tenant("bakery", "Bakery")

        async def id_of(bodies, **more):
            return await made.ingest.append(
                an_account("a1"), Channel.POLL, "sale", bodies, **more
            )

        assert await id_of([b"x"], delivery_id="d") == await id_of([b"y"], delivery_id="d")
        assert await id_of([b"x"]) == await id_of([b"x"])
        assert await id_of([b"x"]) != await id_of([b"y"])
        one, other = await id_of([b"x", b"y"], delivery_id="d")
        assert one != other


async def test_bodies_of_a_page_stay_in_order(tmp_path):
    async with desk(tmp_path, CONNECTORS) as made:
        await made.directory.create_tenant("bakery", "Bakery")
        bodies = [b"%d" % number for number in range(200)]
        await made.ingest.append(an_account("a1"), Channel.IMPORT, "sale", bodies, sync_id="s")
        opened = [
            made.sealer.open(raw.body, tenant="bakery", record=raw.raw_id)
            for _, raw in await raws(made.log)
        ]
        assert opened == bodies


async def test_a_delivery_for_two_accounts_is_two_raw_events(tmp_path):
    async with desk(tmp_path, CONNECTORS) as made:
        for tenant in ("bakery", "cafe"):
            await made.directory.create_tenant(tenant, tenant)
        await made.directory.put_account(an_account("a1", location_id="L1"))
        await made.directory.put_account(an_account("a2", location_id="L1", tenant_id="cafe"))
        raw_ids, routed = await deliver(made, b"L1:d1")
        assert routed
        assert len(set(raw_ids)) == 2
        assert {raw.tenant_id for _, raw in await raws(made.log)} == {"bakery", "cafe"}


async def test_what_nobody_claims_is_kept_under_its_merchant_and_the_system_s_key(tmp_path):
    async with desk(tmp_path, CONNECTORS) as made:
        await deliver(made, b"L1:d1")
        ((record, raw),) = await raws(made.log)
        assert record.key == b"square:ML"
        assert (raw.account_id, raw.tenant_id, raw.merchant) == ("", UNCLAIMED, "ML")


async def test_a_new_account_claims_what_is_about_it_and_nothing_else(tmp_path):
    async with desk(tmp_path, CONNECTORS) as made:
        for body in (b"L1:d1", b"L2:d2", b":d3", b"garbage", b"L1:d4"):
            await deliver(made, body)
        await reject_all(made)
        await made.directory.create_tenant("bakery", "Bakery")
        account = an_account("a1", location_id="L1")
        await made.directory.put_account(account)
        assert await made.ingest.claim(account) == 3
        own = [raw for _, raw in await raws(made.log) if raw.account_id == "a1"]
        opened = [made.sealer.open(r.body, tenant="bakery", record=r.raw_id) for r in own]
        assert sorted(opened) == [b":d3", b"L1:d1", b"L1:d4"]
        assert {raw.channel for raw in own} == {Channel.WEBHOOK}


async def test_claimed_letters_are_open_no_more_and_another_location_claims_them_too(tmp_path):
    async with desk(tmp_path, CONNECTORS) as made:
        for body in (b"L1:d1", b"L2:d2", b":d3"):
            await deliver(made, body)
        await reject_all(made)
        await made.directory.create_tenant("bakery", "Bakery")
        claimed, left = [], []
        for location in ("L1", "L2"):
            account = an_account(f"of-{location}", location_id=location)
            await made.directory.put_account(account)
            claimed.append(await made.ingest.claim(account))
            left.append(len(await chosen(made.log, LANES, Choice())))
        assert (claimed, left) == ([2, 2], [1, 0])


async def test_a_claimed_delivery_has_the_id_it_would_have_had(tmp_path):
    async with desk(tmp_path, CONNECTORS) as made:
        await deliver(made, b"L1:d1")
        await reject_all(made)
        await made.directory.create_tenant("bakery", "Bakery")
        account = an_account("a1", location_id="L1")
        await made.directory.put_account(account)
        await made.ingest.claim(account)
        (again,), _ = await deliver(made, b"L1:d1")
        own = [raw.raw_id for _, raw in await raws(made.log) if raw.account_id == "a1"]
        assert own == [again, again]


async def test_claiming_goes_past_what_cannot_be_opened(tmp_path):
    async with desk(tmp_path, CONNECTORS) as made:
        await deliver(made, b"L1:d1")
        ((record, _),) = await raws(made.log)
        broken = DeadLetter(record, "unknown-account", "x")
        broken.record.value = b"\x00garbage"
        await made.log.append(
            topics.REJECTED, [rejection("normalise", broken)], record.partition
        )
        await reject_all(made)
        await made.directory.create_tenant("bakery", "Bakery")
        account = an_account("a1", location_id="L1")
        await made.directory.put_account(account)
        assert await made.ingest.claim(account) == 1


async def test_an_account_of_an_unknown_tenant_is_a_set_up_error(tmp_path):
    async with desk(tmp_path, CONNECTORS) as made:
        with pytest.raises(SetupError, match="unknown"):
            await made.ingest.append(an_account("a1"), Channel.POLL, "sale", [b"x"])


async def test_what_the_log_does_not_take_is_not_said_to_be_taken(tmp_path, monkeypatch):
    async def refuse(*_args, **_kwargs):
        raise LogUnavailableError("full")

    async with desk(tmp_path, CONNECTORS) as made:
        await made.directory.create_tenant("bakery", "Bakery")
        with monkeypatch.context() as broken:
            broken.setattr(made.log, "append", refuse)
            with pytest.raises(LogUnavailableError):
                await made.ingest.append(an_account("a1"), Channel.POLL, "sale", [b"x"])


def test_only_harmless_headers_are_kept():
    given = {
        "content-type": "application/json",
        "square-retry-number": "2",
        "square-signature": "hush",
        "x-square-hmacsha256-signature": "hush",
        "authorization": "hush",
        "cookie": "hush",
        "user-agent": "x",
        "square-long": "x" * 1000,
    }
    kept = kept_headers("square", given)
    assert set(kept) == {"content-type", "square-retry-number", "square-long"}
    assert len(kept["square-long"]) == 256
    many = {f"square-{number}": "x" for number in range(100)}
    assert len(kept_headers("square", many)) == 16

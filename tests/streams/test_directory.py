import asyncio

from msgspec.structs import replace

from schemas import topics
from schemas.account import AccountStatus
from streams.directory import UNCLAIMED, new_api_key
from streams.log import Out
from tests.streams.desk import NOW, an_account, desk


async def with_key(directory, tenant_id):
    await directory.create_tenant(tenant_id, tenant_id)
    text, key = new_api_key("till", NOW)
    await directory.change_tenant(tenant_id, lambda known: replace(known, api_keys=(key,)))
    return text, key


async def test_what_was_written_is_known_when_the_write_returns(tmp_path):
    async with desk(tmp_path) as made:
        await made.directory.create_tenant("bakery", "Bakery")
        assert made.directory.tenant("bakery").name == "Bakery"
        await made.directory.put_account(an_account())
        assert made.directory.account("a1") == an_account()


async def test_another_process_knows_all_there_was_before_it_began_and_follows(tmp_path):
    async with desk(tmp_path) as made:
        await with_key(made.directory, "bakery")
        for number in range(50):
            await made.directory.put_account(an_account(f"a{number}"))
        other = made.new_directory()
        await other.start()
        assert len(other.accounts_of("bakery")) == 50
        await made.directory.put_account(an_account("late"))
        async with asyncio.timeout(5):
            while other.account("late") is None:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        await other.stop()


async def test_a_change_in_one_process_does_not_undo_that_of_another(tmp_path):
    async with desk(tmp_path) as made:
        await made.directory.create_tenant("bakery", "Bakery")
        await made.directory.put_account(an_account())
        other = made.new_directory()
        await other.start()
        for number in range(20):
            await made.directory.change_account(
                "a1", lambda known, at=number: replace(known, sync_interval_s=300 + at)
            )
            changed = await other.change_account(
                "a1", lambda known, at=number: replace(known, credentials=b"%d" % at)
            )
            assert (changed.sync_interval_s, changed.credentials) == (
                300 + number,
                b"%d" % number,
            )
        await made.directory.create_tenant("cafe", "Cafe")
        assert await other.create_tenant("cafe", "Another") is None
        await other.stop()


async def test_a_key_names_its_tenant_until_it_is_withdrawn(tmp_path):
    async with desk(tmp_path) as made:
        directory = made.directory
        text, key = await with_key(directory, "bakery")
        other, _ = await with_key(directory, "cafe")
        caller = directory.caller(text)
        assert (caller.tenant.tenant_id, caller.key_name) == ("bakery", "till")
        assert directory.caller(other).tenant.tenant_id == "cafe"
        for wrong in ("", "ts", "ts__", text + "é", text[:-1], f"ts_{key.prefix}_", "ts_x_y_z"):
            assert directory.caller(wrong) is None
        await directory.change_tenant("bakery", lambda known: replace(known, api_keys=()))
        assert directory.caller(text) is None


async def test_a_delivery_goes_to_the_accounts_of_its_merchant_and_locations(tmp_path):
    async with desk(tmp_path) as made:
        directory = made.directory
        for account in (
            an_account("a1", location_id="L1"),
            an_account("a2", location_id="L2"),
            an_account("a3", location_id="L1", tenant_id="cafe"),
            an_account("a4", location_id="L1", provider="toast"),
            an_account("a5", location_id="L1", merchant="OTHER"),
            an_account("a6", location_id="L1", status=AccountStatus.DISCONNECTED),
            an_account("a7", location_id="L1", status=AccountStatus.REVOKED),
        ):
            await directory.put_account(account)

        def routed(*locations):
            return [a.account_id for a in directory.route("square", "ML", locations)]

        assert routed("L1") == ["a1", "a3", "a7"]
        assert routed("L2") == ["a2"]
        assert routed("L3") == []
        assert routed() == ["a1", "a2", "a3", "a7"]


async def test_an_account_that_moves_to_another_merchant_leaves_the_first(tmp_path):
    async with desk(tmp_path) as made:
        await made.directory.put_account(an_account())
        await made.directory.put_account(an_account(merchant="NEW"))
        assert made.directory.route("square", "ML", ()) == []
        assert len(made.directory.route("square", "NEW", ())) == 1


async def test_changes_at_the_same_time_do_not_undo_each_other(tmp_path):
    async with desk(tmp_path) as made:
        directory = made.directory
        await directory.create_tenant("bakery", "Bakery")

        async def one_more(number):
            _, key = new_api_key(f"k{number}", NOW)
            await directory.change_tenant(
                "bakery", lambda known: replace(known, api_keys=(*known.api_keys, key))
            )

        await asyncio.gather(*(one_more(number) for number in range(20)))
        assert len(directory.tenant("bakery").api_keys) == 20


async def test_a_tenant_can_be_created_once(tmp_path):
    async with desk(tmp_path) as made:
        directory = made.directory
        made_by = await asyncio.gather(
            *(directory.create_tenant("x", str(i)) for i in range(5))
        )
        assert sum(tenant is not None for tenant in made_by) == 1


async def test_the_system_s_own_tenant_is_made_once_and_shown_to_nobody(tmp_path):
    async with desk(tmp_path) as made:
        directory = made.directory
        tenants = await asyncio.gather(*(directory.unclaimed_tenant() for _ in range(5)))
        assert {tenant.tenant_id for tenant in tenants} == {UNCLAIMED}
        assert len({tenant.data_key for tenant in tenants}) == 1
        assert directory.tenants() == []


async def test_a_record_that_cannot_be_read_does_not_hide_those_behind_it(tmp_path):
    async with desk(tmp_path) as made:
        await made.directory.put_account(an_account("a1"))
        await made.log.append(topics.ACCOUNTS, [Out(b"a1", b"\x00garbage", (), 0)])
        assert await made.directory.put_account(an_account("a2"))
        assert made.directory.account("a1") == an_account("a1")


async def test_a_deleted_account_is_gone(tmp_path):
    async with desk(tmp_path) as made:
        directory = made.directory
        await directory.put_account(an_account("a1"))
        lane = directory.lane("a1")
        await made.log.append(topics.ACCOUNTS, [Out(b"a1", None, (), lane)])
        async with asyncio.timeout(5):
            while directory.account("a1") is not None:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        assert directory.route("square", "ML", ()) == []

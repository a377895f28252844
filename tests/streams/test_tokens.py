"""Tokens of accounts: renewed once, stored before use, never lost in between."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from connectors.contract import CredentialsError, GrantOverError, TransientError
from connectors.exchange import Patience
from schemas.account import AccountStatus
from streams import exchanges
from streams.credentials import Credentials
from streams.pending import PendingGrants
from tests.connectors.provider import provider
from tests.streams.book import R_TOKEN, READ, Book, Clock, Tokens, new_book, old, ours


@pytest.fixture
def book() -> Book:
    return new_book()


@pytest.fixture
def clock() -> Clock:
    return Clock()


# -- rotation --------------------------------------------------------------------------------


async def test_fifty_needs_at_once_are_one_token_call(book, clock, tmp_path) -> None:
    tokens = Tokens(book)
    account = book.add("lightspeed-r", old())
    async with provider(tokens.answer, delay_s=0.05) as there:
        way = ours(tmp_path, book, clock, there.url)
        exchange = way.of(account)
        headers = await asyncio.gather(*(exchange._authorized() for _ in range(50)))
        await way.close()
    assert set(headers) == {"Bearer access-2"}
    assert len(there.at(R_TOKEN)) == 1
    assert book.credentials().refresh_token == "refresh-2"


async def test_a_new_pair_is_stored_before_it_is_used(book, clock, tmp_path) -> None:
    account = book.add("lightspeed-r", old())
    async with provider(Tokens(book).answer) as there:
        way = ours(tmp_path, book, clock, there.url)
        assert (await way.of(account).ask(READ)).status == 200
        await way.close()
    assert book.events == ["token", "saved", "access-2"]
    assert there.asked[-1].path == "/Account/77/things"
    assert not list((tmp_path / "tokens").iterdir())


async def test_a_log_that_is_away_keeps_the_new_pair_unused_until_it_is_back(
    book, clock, tmp_path
) -> None:
    account = book.add("lightspeed-r", old())
    book.away = True
    async with provider(Tokens(book).answer) as there:
        way = ours(tmp_path, book, clock, there.url)
        for _ in range(2):
            with pytest.raises(TransientError):
                await way.of(account).ask(READ)
        assert book.events == ["token"]
        book.away = False
        await way.of(account).ask(READ)
        await way.close()
    assert book.events == ["token", "saved", "access-2"]


async def test_a_crash_between_answer_and_log_loses_no_pair(book, clock, tmp_path) -> None:
    account = book.add("lightspeed-r", old())
    async with provider(Tokens(book).answer) as there:
        crashing = ours(tmp_path, book, clock, there.url)
        book.away = True
        with pytest.raises(TransientError):
            await crashing.of(account).ask(READ)
        await crashing.close()
        book.away = False
        again = ours(tmp_path, book, clock, there.url)
        await again.of(account).ask(READ)
        await again.close()
    assert book.events == ["token", "saved", "access-2"]
    assert b"refresh" not in b"".join(
        one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()
    )


async def test_a_pair_on_disk_comes_into_the_log_though_another_process_was_refused(
    book, clock, tmp_path
) -> None:
    account = book.add("lightspeed-r", old())
    async with provider(Tokens(book).answer) as there:
        killed = ours(tmp_path / "a", book, clock, there.url)
        book.away = True
        with pytest.raises(TransientError):
            await killed.of(account).ask(READ)
        await killed.close()
        book.away = False
        other = ours(tmp_path / "b", book, clock, there.url)
        with pytest.raises(GrantOverError):
            await other.of(account).ask(READ)
        book.accounts["a1"] = replace(account, status=AccountStatus.REVOKED)
        back = ours(tmp_path / "a", book, clock, there.url)
        await back.recover(book.accounts.values())
        assert book.accounts["a1"].status is AccountStatus.CONNECTED
        assert book.credentials().refresh_token == "refresh-2"
        assert (await other.of(account).ask(READ)).status == 200
        for way in (back, other):
            await way.close()


async def test_what_waits_on_disk_is_sealed_and_for_nobody_else(book, clock, tmp_path) -> None:
    account = book.add("lightspeed-r", old())
    book.away = True
    async with provider(Tokens(book).answer) as there:
        way = ours(tmp_path, book, clock, there.url)
        with pytest.raises(TransientError):
            await way.of(account).ask(READ)
        await way.close()
    (file,) = (tmp_path / "tokens").iterdir()
    assert b"refresh-2" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0


async def test_who_gives_up_waiting_does_not_lose_the_pair(book, clock, tmp_path) -> None:
    account = book.add("lightspeed-r", old())
    async with provider(Tokens(book).answer, delay_s=0.2) as there:
        way = ours(tmp_path, book, clock, there.url)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await way.of(account).ask(READ)
        await way.settled()
        await way.close()
    assert book.credentials().refresh_token == "refresh-2"


async def test_a_log_that_is_read_late_does_not_renew_with_the_dead_token(
    book, clock, tmp_path
) -> None:
    account = book.add("lightspeed-r", old())
    book.late = True
    async with provider(Tokens(book).answer) as there:
        way = ours(tmp_path, book, clock, there.url)
        for _ in range(2):
            await way.of(account).ask(READ)
        await way.close()
    assert book.events == ["token", "saved", "access-2", "access-2"]


async def test_credentials_a_person_gave_meanwhile_win(book, clock, tmp_path) -> None:
    account = book.add("lightspeed-r", old())
    tokens = Tokens(book)

    def answer(asked):
        if asked.path == R_TOKEN:
            book.add("lightspeed-r", old(7200, 9))
            tokens.good = {"access-9"}
            return 200, {}, b'{"access_token":"access-2","refresh_token":"refresh-2"}'
        return tokens.answer(asked)

    async with provider(answer) as there:
        way = ours(tmp_path, book, clock, there.url)
        await way.of(account).ask(READ)
        await way.close()
    assert book.credentials().access_token == "access-9"
    assert book.events[-1] == "access-9"


async def test_another_process_that_renewed_first_is_believed(book, clock, tmp_path) -> None:
    account = book.add("lightspeed-r", old())
    tokens = Tokens(book)
    tokens.number, tokens.good = 5, {"access-5"}

    def answer(asked):
        if asked.path == R_TOKEN:
            book.add("lightspeed-r", old(7200, 5))
        return tokens.answer(asked)

    async with provider(answer) as there:
        way = ours(tmp_path, book, clock, there.url)
        await way.of(account).ask(READ)
        await way.close()
    assert book.events == ["token", "access-5"]


async def test_who_stood_still_while_another_renewed_is_refused_and_then_believes_the_log(
    book, clock, tmp_path
) -> None:
    account = book.add("lightspeed-r", old())
    tokens = Tokens(book)
    tokens.number, tokens.good = 5, {"access-5"}

    def answer(asked):
        if asked.path == R_TOKEN:  # what the other wrote is in the log, and not known here yet
            book.unread = lambda: book.add("lightspeed-r", old(7200, 5))
        return tokens.answer(asked)

    async with provider(answer) as there:
        way = ours(tmp_path, book, clock, there.url)
        assert (await way.of(account).ask(READ)).status == 200
        await way.close()
    assert book.events == ["token", "access-5"]


async def test_who_stood_still_with_the_new_pair_in_its_hands_brings_the_account_back(
    book, clock, tmp_path, monkeypatch
) -> None:
    account = book.add("lightspeed-r", old())
    still, wakes = asyncio.Event(), asyncio.Event()
    keep = PendingGrants.keep

    async def keep_later(self, account, box):
        still.set()
        await wakes.wait()
        await keep(self, account, box)

    monkeypatch.setattr(PendingGrants, "keep", keep_later)
    async with provider(Tokens(book).answer) as there:
        frozen, other = (ours(tmp_path / it, book, clock, there.url) for it in "ab")
        asking = asyncio.create_task(frozen.of(account).ask(READ))
        await still.wait()
        with pytest.raises(GrantOverError):
            await other.of(account).ask(READ)
        book.accounts["a1"] = replace(account, status=AccountStatus.REVOKED)
        wakes.set()
        assert (await asking).status == 200
        assert (await other.of(account).ask(READ)).status == 200
        for way in (frozen, other):
            await way.close()
    assert book.accounts["a1"].status is AccountStatus.CONNECTED
    assert book.credentials().refresh_token == "refresh-2"


# -- trouble ---------------------------------------------------------------------------------


async def test_a_provider_in_trouble_disconnects_nobody(
    book, clock, tmp_path, monkeypatch
) -> None:
    quick = Patience(attempts=3, first_wait=timedelta(milliseconds=1))
    monkeypatch.setattr(exchanges, "TOKEN_PATIENCE", quick)
    account = book.add("lightspeed-r", old(seconds=60))
    before = dict(book.accounts)
    tokens = Tokens(book)
    tokens.status = 503
    async with provider(tokens.answer) as there:
        way = ours(tmp_path, book, clock, there.url)
        for _ in range(3):
            assert (await way.of(account).ask(READ)).status == 200
        calls = len(there.at(R_TOKEN))
        clock.wait(minutes=2)
        with pytest.raises(TransientError):
            await way.of(account)._authorized()
        await way.close()
    assert calls == 3, "one renewal in three attempts, then a rest while the token is good"
    assert book.accounts == before


async def test_a_dead_refresh_token_needs_a_person(book, clock, tmp_path) -> None:
    account = book.add("lightspeed-r", old(number=7))
    async with provider(Tokens(book).answer) as there:
        way = ours(tmp_path, book, clock, there.url)
        with pytest.raises(CredentialsError) as caught:
            await way.of(account).ask(READ)
        await way.close()
    assert len(there.at(R_TOKEN)) == 1
    assert "refresh-7" not in str(caught.value)


async def test_a_token_that_died_early_is_renewed_and_the_call_made_again(
    book, clock, tmp_path
) -> None:
    account = book.add("lightspeed-r", old(seconds=9999))
    tokens = Tokens(book)
    tokens.good = set()
    async with provider(tokens.answer) as there:
        way = ours(tmp_path, book, clock, there.url)
        assert (await way.of(account).ask(READ)).status == 200
        await way.close()
    assert book.events == ["access-1", "token", "saved", "access-2"]


async def test_a_new_token_that_is_refused_at_once_ends_it(book, clock, tmp_path) -> None:
    account = book.add("lightspeed-r", old(seconds=9999))
    tokens = Tokens(book)

    def answer(asked):
        told = tokens.answer(asked)
        tokens.good = set()
        return told

    tokens.good = set()
    async with provider(answer) as there:
        way = ours(tmp_path, book, clock, there.url)
        with pytest.raises(CredentialsError):
            await way.of(account).ask(READ)
        await way.close()
    assert book.events == ["access-1", "token", "saved", "access-2"]


async def test_without_a_refresh_token_or_an_application_a_refusal_is_final(
    book, clock, tmp_path
) -> None:
    alone = Credentials(access_token="stale")
    account = book.add("lightspeed-r", alone)
    other = book.add("square", replace(alone, refresh_token="r"), "a2")
    async with provider(Tokens(book).answer) as there:
        way = ours(tmp_path, book, clock, there.url)
        for one in (account, other):
            with pytest.raises(CredentialsError):
                await way.of(one).ask(READ)
        await way.close()
    assert len(there.asked) == 2


async def test_a_token_that_lives_shorter_than_the_margin_is_not_renewed_at_each_call(
    book, clock, tmp_path
) -> None:
    account = book.add("lightspeed-r", old())
    tokens = Tokens(book)
    tokens.lives = 60
    async with provider(tokens.answer) as there:
        way = ours(tmp_path, book, clock, there.url)
        for _ in range(3):
            await way.of(account).ask(READ)
        await way.close()
    assert book.events.count("token") == 1

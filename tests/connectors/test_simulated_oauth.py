"""The OAuth that simulated providers share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from connectors.simulation.config import Faults
from connectors.simulation.oauth import (
    CODE_LIVES,
    NEW_CALLS,
    NEW_FOR,
    OAuthRefusedError,
    TokenBook,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
BACK = "https://here.example/back?x=1"
ASKS = {"client_id": "app", "redirect_uri": BACK, "state": "s t"}
GIVES = {"client_id": "app", "redirect_uri": BACK}


def a_book(*, rotates: bool = True) -> TokenBook:
    return TokenBook(7, ("M1", "M2"), rotates=rotates, lives_s=60)


def a_code(book: TokenBook, **more: str) -> str:
    back = urlsplit(book.consent({**ASKS, **more}, NOW))
    told = parse_qs(back.query)
    assert (back.netloc, told["x"], told["state"]) == ("here.example", ["1"], ["s t"])
    return told["code"][0]


def refusal(call) -> str:
    with pytest.raises(OAuthRefusedError) as caught:
        call()
    return caught.value.code


def test_a_code_is_good_once() -> None:
    book = a_book()
    fields = {**GIVES, "code": a_code(book)}
    assert book.exchange(fields, NOW).owner == "M1"
    assert refusal(lambda: book.exchange(fields, NOW)) == "invalid_grant"


def test_a_code_is_good_for_a_few_minutes() -> None:
    book = a_book()
    fields = {**GIVES, "code": a_code(book)}
    assert refusal(lambda: book.exchange(fields, NOW + CODE_LIVES)) == "invalid_grant"


@pytest.mark.parametrize(
    "wrong", [{"client_id": "other"}, {"redirect_uri": "https://evil.example"}]
)
def test_a_code_is_good_only_for_whom_it_was_given_to(wrong) -> None:
    book = a_book()
    fields = {**GIVES, "code": a_code(book), **wrong}
    assert refusal(lambda: book.exchange(fields, NOW)) == "invalid_grant"


def test_a_challenge_wants_its_verifier_and_a_verifier_its_challenge() -> None:
    book, verifier = a_book(), "v" * 43
    challenge = create_s256_code_challenge(verifier)
    for sent, shown in ((challenge, ""), (challenge, "w" * 43), ("", verifier)):
        fields = {**GIVES, "code": a_code(book, code_challenge=sent), "code_verifier": shown}
        assert refusal(lambda given=fields: book.exchange(given, NOW)) == "invalid_grant"
    fields = {**GIVES, "code": a_code(book, code_challenge=challenge)}
    assert book.exchange({**fields, "code_verifier": verifier}, NOW).owner == "M1"


def test_rotation_ends_the_pair_before_and_without_it_the_refresh_token_stays() -> None:
    book = a_book()
    first = book.exchange({**GIVES, "code": a_code(book)}, NOW)
    second = book.renew(first.refresh_token, NOW)
    assert refusal(lambda: book.renew(first.refresh_token, NOW)) == "invalid_grant"
    assert refusal(lambda: book.owner(first.access_token, NOW)) == "invalid_token"
    assert book.owner(second.access_token, NOW) == "M1"
    steady = a_book(rotates=False)
    first = steady.exchange({**GIVES, "code": a_code(steady)}, NOW)
    again = steady.renew(first.refresh_token, NOW)
    assert again.refresh_token == first.refresh_token
    assert steady.owner(first.access_token, NOW) == "M1"


def test_tokens_end_by_time_and_by_withdrawal_until_the_merchant_consents_again() -> None:
    book = a_book()
    pair = book.exchange({**GIVES, "code": a_code(book)}, NOW)
    late = NOW + timedelta(seconds=60)
    assert refusal(lambda: book.owner(pair.access_token, late)) == "expired_token"
    book.revoke("M1")
    assert refusal(lambda: book.owner(pair.access_token, NOW)) == "revoked_token"
    assert refusal(lambda: book.renew(pair.refresh_token, NOW)) == "invalid_grant"
    fresh = book.exchange({**GIVES, "code": a_code(book)}, NOW)
    assert book.owner(fresh.access_token, NOW) == "M1"


def test_who_signs_in_and_who_says_no_is_for_the_test_to_choose() -> None:
    book = a_book()
    book.signed_in = "M2"
    assert book.exchange({**GIVES, "code": a_code(book)}, NOW).owner == "M2"
    book.denies = True
    told = parse_qs(urlsplit(book.consent(ASKS, NOW)).query)
    assert told["error"] == ["access_denied"]
    assert refusal(lambda: book.consent({"client_id": "app"}, NOW)) == "invalid_request"


LATER = NOW + NEW_FOR


def a_fated_book(**faults: int) -> TokenBook:
    return TokenBook(7, ("M1",), rotates=True, lives_s=3600, faults=Faults(**faults))


def test_a_token_that_is_not_new_dies_by_a_call_and_its_renewal_is_another() -> None:
    book = a_fated_book(dying_tokens=1000)
    first = book.let_in("M1", NOW)
    for _ in range(NEW_CALLS):
        assert book.owner(first.access_token, LATER) == "M1"
    for _ in range(2):
        assert refusal(lambda: book.owner(first.access_token, LATER)) == "expired_token"
    assert book.deaths == 1
    second = book.renew(first.refresh_token, LATER)
    for _ in range(NEW_CALLS + 9):
        assert book.owner(second.access_token, LATER) == "M1", "it is new"
    assert (book.deaths, book.given) == (1, 2)


def test_a_renewal_is_refused_for_good_until_the_merchant_lets_us_in_again() -> None:
    book = a_fated_book(refused_renewals=1000)
    first = book.let_in("M1", NOW)
    for _ in range(2):
        assert refusal(lambda: book.renew(first.refresh_token, NOW)) == "invalid_grant"
    assert refusal(lambda: book.owner(first.access_token, NOW)) == "revoked_token"
    assert book.owner(book.let_in("M1", NOW).access_token, NOW) == "M1"


def test_the_first_log_in_of_an_application_is_never_refused_by_a_fault() -> None:
    book = a_fated_book(refused_renewals=1000)
    assert book.owner(book.log_in("M1", NOW).access_token, NOW) == "M1"
    assert refusal(lambda: book.log_in("M1", NOW)) == "invalid_client"
    book.let_in("M1", NOW)
    assert book.owner(book.log_in("M1", NOW).access_token, NOW) == "M1"


def test_the_same_seed_ends_the_same_tokens_at_the_same_calls() -> None:
    def deaths() -> list[int]:
        book = a_fated_book(dying_tokens=100)
        found, pair = [], book.let_in("M1", NOW)
        for call in range(200):
            at = NOW + call * NEW_FOR / 10
            try:
                book.owner(pair.access_token, at)
            except OAuthRefusedError:
                found.append(call)
                pair = book.renew(pair.refresh_token, at)
        return found

    assert deaths() == deaths()
    assert len(deaths()) > 2

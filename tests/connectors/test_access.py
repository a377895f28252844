"""What each provider tells of a location, and how its token calls are read."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from connectors.access import (
    Application,
    Grant,
    LocationFacts,
    Login,
    Place,
    PlaceError,
    url_of,
)
from connectors.catalogue import ACCESSES, CONNECTORS, logs_in
from connectors.contract import CredentialsError, Page, PermanentError, Request, Response
from connectors.limits import Budget
from connectors.oauth import LONGEST_LIFE_S, read_grant, token_call

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLACE = Place(merchant="bakery", location_id="71")

ANSWERS = {
    "square": {
        "location": {
            "id": "71",
            "merchant_id": "M1",
            "name": "Corner",
            "timezone": "Europe/Berlin",
            "currency": "EUR",
        }
    },
    "toast": {
        "guid": "71",
        "general": {
            "name": "Corner",
            "locationName": "North",
            "timeZone": "America/New_York",
            "closeoutHour": 4,
            "currencyCode": "USD",
        },
    },
    "lightspeed-k": {
        "_embedded": {
            "businessList": [
                {"businessLocations": [{"blID": 70, "timezone": "UTC"}]},
                {
                    "currencyCode": "CHF",
                    "businessLocations": [
                        {"blID": 71, "blName": "Corner", "timezone": "Europe/Zurich"}
                    ],
                },
            ]
        }
    },
    "lightspeed-r": {"Shop": {"shopID": "71", "name": "Corner", "timeZone": "US/Pacific"}},
    "lightspeed-x": {
        "data": {
            "id": "71",
            "name": "Corner",
            "time_zone": "Pacific/Auckland",
            "currency": "NZD",
        }
    },
}

TOLD = {
    "square": ("M1", "Corner", "Europe/Berlin", "EUR", None),
    "toast": ("71", "Corner North", "America/New_York", "USD", 4),
    "lightspeed-k": ("71", "Corner", "Europe/Zurich", "CHF", None),
    "lightspeed-r": ("bakery", "Corner", "US/Pacific", None, None),
    "lightspeed-x": ("bakery", "Corner", "Pacific/Auckland", "NZD", None),
}

each = pytest.mark.parametrize("name", ACCESSES)


def probed(name: str, response: Response) -> LocationFacts | None:
    """Carry the probe out, every request of it answered the same."""
    access = ACCESSES[name]
    talk, pages, answer = access.probe(PLACE), [], None
    while True:
        try:
            said = talk.send(answer)
        except StopIteration:
            return access.located(pages, PLACE)
        answer = response if isinstance(said, Request) else None
        if isinstance(said, Page):
            pages.append(said)


@each
def test_a_location_is_known_by_name_zone_currency_and_merchant(name: str) -> None:
    found = probed(name, Response(status=200, body=json.dumps(ANSWERS[name]).encode()))
    assert found is not None
    assert found.location_id == "71"
    facts = (found.merchant, found.name, found.timezone, found.currency, found.cut_off_hour)
    assert facts == TOLD[name]


@each
def test_a_location_that_the_provider_does_not_know_is_none(name: str) -> None:
    assert probed(name, Response(status=404, body=b"")) is None


@each
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 5000, b'{"a":1}'])
def test_garbage_for_a_location_is_refused_or_none(name: str, body: bytes) -> None:
    with suppress(PermanentError):
        assert probed(name, Response(status=200, body=body)) is None


@each
def test_a_location_s_id_stays_one_piece_of_a_path(name: str) -> None:
    talk = ACCESSES[name].probe(Place(merchant="m", location_id="../a/b?c=d"))
    first = talk.send(None)
    assert isinstance(first, Request)
    assert ".." not in first.path.split("/")
    assert "?" not in first.path


@each
def test_every_access_is_of_a_connector_and_keeps_to_limits(name: str) -> None:
    assert name in CONNECTORS
    assert ACCESSES[name].limits["default"]
    assert ACCESSES[name].base_url.startswith("https://")


def test_only_at_toast_our_own_application_logs_in() -> None:
    assert [name for name in CONNECTORS if logs_in(name)] == ["toast"]


def test_the_merchant_is_put_into_the_address() -> None:
    url = url_of(ACCESSES["lightspeed-x"].base_url, PLACE)
    assert url == "https://bakery.retail.lightspeed.app"
    with pytest.raises(PlaceError):
        url_of("https://{merchant}.retail.lightspeed.app", Place(merchant="evil.example/x"))


def test_the_life_of_a_token_is_counted_from_now_and_never_overflows() -> None:
    def end(lives: object) -> datetime | None:
        body = json.dumps({"access_token": "a", "expires_in": lives}).encode()
        return read_grant(body, NOW).expires_at

    assert end(3600) == end("3600") == NOW + timedelta(hours=1)
    assert end(None) is None
    assert end(-5) == NOW
    assert end(10**30) == NOW + timedelta(seconds=LONGEST_LIFE_S)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"access_token":1}', b"\xff", b"[" * 5000])
@each
def test_a_token_answer_that_cannot_be_read_is_not_quoted(name: str, body: bytes) -> None:
    tokens = ACCESSES[name].tokens
    assert tokens is not None
    with pytest.raises(PermanentError) as caught:
        tokens.read(body, NOW)
    assert len(str(caught.value)) < 60


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b'{"error":"invalid_grant","error_description":"hush"}', CredentialsError),
        (400, b'{"error":"invalid_client"}', PermanentError),
        (400, b"hush", PermanentError),
        (404, b"", PermanentError),
    ],
)
def test_only_a_dead_refresh_token_needs_the_merchant(
    status: int, body: bytes, error: type[Exception]
) -> None:
    talk = token_call(Request(method="POST", path="/token"))
    talk.send(None)
    with pytest.raises(error) as caught:
        talk.send(Response(status=status, body=body))
    assert "hush" not in str(caught.value)


def test_what_holds_secrets_does_not_show_them() -> None:
    assert "hush" not in repr(Application("us", "hush"))
    assert "hush" not in repr(Grant(access_token="hush", refresh_token="hush"))


def test_square_keeps_its_pace() -> None:
    assert ACCESSES["square"].limits["default"] == (Budget(8),)
    assert not isinstance(ACCESSES["square"].tokens, Login)

"""`tillstream accounts connect`: what is sent to the API, and what is asked for first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from streams.cli import accounts

ACCOUNT = {"account_id": "a1", "location_name": "Shop"}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Answer every call to the API and keep what was sent."""
    forms: list[Any] = []

    def asked(_url: str, _key: str, *calls: tuple[str, str, Any]) -> Iterator[Any]:
        forms.extend(form for _, _, form in calls)
        return iter([ACCOUNT] * len(calls))

    monkeypatch.setattr(accounts, "asked", asked)
    return forms


def connect(*options: str, said: str = "") -> int:
    command = ["connect", *options, "--api-key", "ts_key"]
    return CliRunner().invoke(accounts.app, command, input=said).exit_code


def test_a_token_is_asked_for_where_the_provider_wants_one(sent: list[Any]) -> None:
    assert connect("square", "L1", said="secret\n") == 0
    assert sent == [{"provider": "square", "location_id": "L1", "access_token": "secret"}]


def test_nobody_is_asked_for_a_token_where_our_application_logs_in(sent: list[Any]) -> None:
    assert connect("toast", "guid") == 0
    assert sent == [{"provider": "toast", "location_id": "guid"}]


def test_what_a_provider_does_not_tell_is_given(sent: list[Any]) -> None:
    given = ["--merchant", "M", "--timezone", "Europe/Berlin", "--currency", "EUR"]
    more = ["--cut-off-hour", "4", "--access-token", "mysql://u:p@host/"]
    assert connect("corepos", "1", *given, *more) == 0
    assert sent[0] == {
        "provider": "corepos",
        "location_id": "1",
        "access_token": "mysql://u:p@host/",
        "merchant": "M",
        "timezone": "Europe/Berlin",
        "currency": "EUR",
        "cut_off_hour": 4,
    }

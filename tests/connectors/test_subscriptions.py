"""Providers are told where their webhooks go, by an account's own authorisation."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from connectors.access import Place, Subscribed, Target
from connectors.catalogue import ACCESSES
from connectors.contract import PermanentError, Request
from connectors.lightspeed_k.subscriptions import ENDPOINTS, endpoint_id
from connectors.lightspeed_x.subscriptions import EVENTS, WEBHOOKS
from tests.connectors.simulated import Client, clients, simulated

HERE = "https://tills.example/api/v1/pos/webhooks/"
ASKED = sorted(name for name, access in ACCESSES.items() if access.webhooks is not None)


def target(provider: str, where: str = HERE) -> Target:
    return Target(url=f"{where}{provider}", user="till", secret="opensesame")


def ensured(client: Client, where: Target) -> int:
    """Have webhooks sent there; return how many things had to be put right."""
    return len(said(client, "ensure", where))


def said(client: Client, what: str, where: Target) -> list[bytes]:
    """Carry out one of the conversations about webhooks and return what it brings."""
    talk = getattr(client.access.webhooks, what)
    place = Place(merchant=client.place.merchant_id, location_id=client.place.location_id)
    return [body for page in client.pages(talk(place, where)) for body in page.bodies]


def known(client: Client, where: Target) -> list[tuple[str, bool]]:
    """Return to which URLs is sent, and whether it is."""
    found = [msgspec.json.decode(it, type=Subscribed) for it in said(client, "known", where)]
    assert all(one.subscription_id and one.about for one in found)
    return sorted({(one.url, one.on) for one in found})


def both(provider: str, **given: Any) -> tuple[Client, Client]:
    first, second = clients(provider, simulated(provider, **given))
    return first, second


def got(client: Client, path: str) -> Any:
    return json.loads(client.ask(Request(method="GET", path=path)).body)


def test_the_two_series_with_an_api_for_it_are_asked() -> None:
    assert ASKED == ["lightspeed-k", "lightspeed-x"]


@pytest.mark.parametrize("provider", ASKED)
def test_what_is_right_is_left_alone_and_another_place_is_added(provider: str) -> None:
    first, second = both(provider)
    assert ensured(first, target(provider)) > 0
    asked = len(first.asked)
    assert ensured(first, target(provider)) == 0
    assert {request.method for request in first.asked[asked:]} == {"GET"}
    assert ensured(second, target(provider)) > 0
    assert ensured(first, target(provider)) == ensured(second, target(provider)) == 0


@pytest.mark.parametrize("provider", ASKED)
def test_a_second_deployment_takes_nothing_from_the_first(provider: str) -> None:
    client, _ = both(provider)
    ensured(client, target(provider))
    assert ensured(client, target(provider, "https://other.example/")) > 0
    assert ensured(client, target(provider)) == 0


@pytest.mark.parametrize("provider", ASKED)
def test_what_leads_here_is_listed_and_taken_away_and_nothing_else(provider: str) -> None:
    client, other = both(provider)
    here, elsewhere = target(provider), target(provider, "https://other.example/")
    assert known(client, here) == []
    assert said(client, "remove", here) == []
    for one, where in ((client, here), (client, elsewhere), (other, here)):
        ensured(one, where)
    assert (here.url, True) in known(client, here)
    assert said(client, "remove", here) != []
    assert (here.url, True) not in known(client, here)
    assert said(client, "remove", here) == []
    assert (elsewhere.url, True) in known(client, elsewhere)
    assert ensured(other, here) == 0, "another location's stay"
    assert ensured(client, here) > 0
    assert (here.url, True) in known(client, here)


def switched_off(client: Client) -> None:
    for one in got(client, WEBHOOKS)["data"]:
        body = json.dumps({**one, "active": False}).encode()
        client.ask(Request(method="PUT", path=f"{WEBHOOKS}/{one['id']}", body=body))


def led_elsewhere(client: Client) -> None:
    name = endpoint_id(target("lightspeed-k").url)
    body = json.dumps({"endpointId": name, "url": "https://lost.example/"}).encode()
    client.ask(Request(method="POST", path=ENDPOINTS, body=body))


def deleted(client: Client) -> None:
    path = f"{ENDPOINTS}/{endpoint_id(target('lightspeed-k').url)}"
    client.ask(Request(method="DELETE", path=path))


@pytest.mark.parametrize(
    ("provider", "broken"),
    [
        ("lightspeed-x", switched_off),
        ("lightspeed-k", led_elsewhere),
        ("lightspeed-k", deleted),
    ],
)
def test_what_somebody_switched_off_is_put_right(
    provider: str, broken: Callable[[Client], None]
) -> None:
    client, _ = both(provider)
    ensured(client, target(provider))
    broken(client)
    assert ensured(client, target(provider)) > 0
    assert ensured(client, target(provider)) == 0


def test_x_series_sends_each_kind_once() -> None:
    client, _ = both("lightspeed-x")
    ensured(client, target("lightspeed-x"))
    found = [(it["type"], it["url"], it["active"]) for it in got(client, WEBHOOKS)["data"]]
    assert sorted(found) == sorted((kind, f"{HERE}lightspeed-x", True) for kind in EVENTS)


def test_k_series_webhooks_carry_the_login_that_is_set_and_none_is_asked_for_without() -> None:
    client, _ = both("lightspeed-k")
    where = target("lightspeed-k")
    ensured(client, where)
    made = got(client, f"{ENDPOINTS}/{endpoint_id(where.url)}")
    assert (made["username"], made["password"]) == ("till", "opensesame")
    assert made["withBasicAuth"] is True
    assert "opensesame" not in repr(where)
    with pytest.raises(PermanentError, match="no login is set"):
        ensured(client, Target(url=where.url))

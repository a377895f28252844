from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.contract import Page, PermanentError, Request, Response
from connectors.square.api import location, locations, parse_location
from connectors.square.fetch import fetch
from connectors.square.oauth import obtain, parse_grant, renew, revoke
from connectors.square.simulator import Call, SquareSimulator
from tests.connectors.square.simulated import NOW, a_square, by_resource, pages, shop_of


@pytest.fixture(scope="module")
def square() -> SquareSimulator:
    return a_square()


@pytest.mark.parametrize("kind", ["order", "payment", "refund"])
def test_one_thing_is_fetched_as_its_exact_bytes(square: SquareSimulator, kind: str) -> None:
    bakery = square.config.shops[0]
    for name, body in list(square.bodies(kind, bakery.location_id).items())[:5]:
        found = pages(square, bakery, fetch(shop_of(bakery), f"{kind}s/{name}"))
        assert found == [Page(resource=kind, bodies=(body,))]


@pytest.mark.parametrize("kind", ["order", "payment", "refund"])
def test_what_square_does_not_know_is_a_page_without_bodies(
    square: SquareSimulator, kind: str
) -> None:
    bakery = square.config.shops[0]
    found = pages(square, bakery, fetch(shop_of(bakery), f"{kind}s/unknown"))
    assert found == [Page(resource=kind, bodies=())]


def test_another_merchants_order_is_unknown(square: SquareSimulator) -> None:
    mine, theirs = square.config.shops
    order = next(iter(square.bodies("order", theirs.location_id)))
    assert pages(square, mine, fetch(shop_of(mine), f"orders/{order}"))[0].bodies == ()


def test_an_id_from_outside_can_only_be_one_piece_of_the_path() -> None:
    talk = fetch(shop_of(a_square().config.shops[0]), "orders/../payments?x=1#y")
    said = next(talk)
    assert isinstance(said, Request)
    assert said.path == "/v2/orders/..%2Fpayments%3Fx%3D1%23y"


def test_the_catalogue_is_fetched_from_the_time_of_a_change_on(square: SquareSimulator) -> None:
    bakery = square.config.shops[0]
    since = f"catalog/changed-since/{datetime(2026, 3, 28, 12, tzinfo=UTC).isoformat()}"
    found = by_resource(pages(square, bakery, fetch(shop_of(bakery), since)))
    everything = by_resource(
        pages(
            square, bakery, fetch(shop_of(bakery), "catalog/changed-since/2020-01-01T00:00:00Z")
        )
    )
    assert 0 < len(found["catalog_object"]) < len(everything["catalog_object"])


def test_the_stock_of_one_variation_is_fetched_here_only(square: SquareSimulator) -> None:
    bakery = square.config.shops[0]
    name = next(iter(square.totals().stock[bakery.location_id]))
    found = pages(square, bakery, fetch(shop_of(bakery), f"inventory/{name}"))
    assert len(found[0].bodies) == 1
    assert bakery.location_id.encode() in found[0].bodies[0]


@pytest.mark.parametrize(
    "name", ["", "orders", "orders/", "customers/1", "catalog/changed-since/x"]
)
def test_nothing_else_can_be_fetched(square: SquareSimulator, name: str) -> None:
    bakery = square.config.shops[0]
    with pytest.raises(PermanentError):
        pages(square, bakery, fetch(shop_of(bakery), name))


def test_a_location_tells_what_an_account_needs(square: SquareSimulator) -> None:
    bakery = square.config.shops[1]
    (alone,) = pages(square, bakery, location(bakery.location_id))
    (main,) = pages(square, bakery, location("main"))
    (every,) = pages(square, bakery, locations())
    facts = parse_location(alone.bodies[0])
    assert facts == parse_location(main.bodies[0]) == parse_location(every.bodies[0])
    assert (facts.location_id, facts.merchant) == (bakery.location_id, bakery.merchant_id)
    assert (facts.name, facts.timezone, facts.currency) == (
        bakery.name,
        bakery.timezone,
        bakery.currency,
    )


def test_an_unknown_location_is_a_page_without_bodies(square: SquareSimulator) -> None:
    bakery = square.config.shops[0]
    assert pages(square, bakery, location("nowhere"))[0].bodies == ()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"location":{"id":"L"}}', b'{"errors":[]}'])
def test_half_a_location_is_none(body: bytes) -> None:
    with pytest.raises(PermanentError):
        parse_location(body)


def test_a_grant_is_obtained_renewed_and_given_back() -> None:
    square = a_square()
    merchant = square.config.shops[0].merchant_id

    def answered(request: Request) -> Response:
        call = Call(
            method=request.method,
            path=request.path,
            headers={"authorization": "Client secret"},
            body=request.body or b"",
        )
        return square.handle(call, NOW).response

    query = {"client_id": "app", "redirect_uri": "https://here.example/back", "state": "s"}
    page_of_consent = Call(method="GET", path="/oauth2/authorize", query=query)
    back = square.handle(page_of_consent, NOW).response.headers["location"]
    (code,) = parse_qs(urlsplit(back).query)["code"]
    for talk in (
        obtain("app", "secret", code, "https://here.example/back"),
        renew("app", "secret", f"sim-refresh-{merchant}"),
    ):
        request = next(talk)
        assert isinstance(request, Request)
        page = talk.send(answered(request))
        assert isinstance(page, Page)
        grant = parse_grant(page.bodies[0])
        assert grant.merchant_id == merchant
        assert grant.access_token
        assert grant.access_token not in repr(grant)
    request = next(revoke("app", merchant))
    assert isinstance(request, Request)
    assert answered(request).status == 200


def test_a_grant_that_cannot_be_read_is_not_quoted() -> None:
    with pytest.raises(PermanentError) as caught:
        parse_grant(b'{"access_token":"hush","merchant_id":7}')
    assert "hush" not in str(caught.value)

"""Conversations with any simulated provider without a network, and what comes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from connectors.access import Application, Login, Place, url_of
from connectors.catalogue import ACCESSES, CONNECTORS
from connectors.contract import (
    Connector,
    Conversation,
    CredentialsError,
    Delivery,
    NeedsFetch,
    Outcome,
    Page,
    Parts,
    Request,
    Response,
    Route,
    Shop,
    WantedBody,
)
from connectors.lightspeed_k.simulator import USER
from connectors.simulation.calls import Call
from connectors.simulation.config import SimulatedShop, SimulatorConfig
from connectors.simulation.simulator import Simulator
from connectors.simulation.truth import Figures, Moved, Totals, summed
from connectors.simulators import SIMULATORS
from connectors.toast.simulator import CLIENT_ID, CLIENT_SECRET
from schemas.part import Part
from schemas.quantity import plain
from schemas.raw import Channel, RawEvent
from schemas.transaction import Kind, LineKind, Transaction, counts, product_key

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)  # the history spans a change of the clock
AGAIN = {429, 500, 502, 503}
BETWEEN_CALLS = timedelta(seconds=2)
"""A patient client: no published limit is reached."""

LOGINS = {"lightspeed-k": f"{USER}:"}
"""What stands before the secret of a webhook, where that is a user's password."""

APPLICATIONS = {"toast": Application(CLIENT_ID, CLIENT_SECRET)}


def shop_of(place: SimulatedShop) -> Shop:
    return Shop(
        tenant_id="tenant",
        account_id=place.location_id,
        location_id=place.location_id,
        calendar=place.calendar,
        currency=place.currency,
    )


def simulated(provider: str, **given: object) -> Simulator:
    """Return a small one: two shops, a few days, short pages."""
    kind = SIMULATORS[provider]
    small = SimulatorConfig(
        now=NOW,
        shops=kind.shops(2),
        days=5,
        orders_per_day=25,
        live_orders=30,
        page_limit=20,
    )
    return kind.make(msgspec.structs.replace(small, **given))


def converse(talk: Conversation, answered: Callable[[Request], Response]) -> list[Page]:
    """Carry a conversation out and return what it brings."""

    def let_in(request: Request) -> Response:
        answer = answered(request)
        if answer.status in {401, 403}:
            raise CredentialsError
        return answer

    return carried_out(talk, let_in)


def carried_out(talk: Conversation, answered: Callable[[Request], Response]) -> list[Page]:
    """Carry a conversation out, whatever the answers are, and return what it brings."""
    found: list[Page] = []
    answer: Response | None = None
    while True:
        try:
            said = talk.send(answer)
        except StopIteration:
            return found
        answer = None
        if isinstance(said, Page):
            found.append(said)
        else:
            answer = answered(said)


class Clock:
    """The time at the provider; each call takes a while."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def tick(self) -> datetime:
        self.now += BETWEEN_CALLS
        return self.now


class Client:
    """Speaks with one shop of a simulator, as the exchange would, and tries again."""

    def __init__(
        self, provider: str, simulator: Simulator, place: SimulatedShop, clock: Clock
    ) -> None:
        self.connector: Connector = CONNECTORS[provider]
        self.access = ACCESSES[provider]
        self.simulator, self.place, self.shop = simulator, place, shop_of(place)
        self.token = place.token
        self.clock = clock
        self.asked: list[Request] = []
        self.troubles = 0
        self._application = APPLICATIONS.get(provider)

    def ask(self, request: Request) -> Response:
        """Put one request to the simulator."""
        self.asked.append(request)
        whom = Place(merchant=self.place.merchant_id, location_id=self.place.location_id)
        call = Call(
            method=request.method,
            path=urlsplit(url_of(self.access.base_url, whom)).path + request.path,
            query=dict(request.query),
            headers={
                **self.access.headers,
                **self.access.place_headers(whom),
                "authorization": f"Bearer {self.token}",
            },
            body=request.body or b"",
        )
        return self.simulator.handle(call, self.clock.tick()).response

    def pages(self, talk: Conversation) -> list[Page]:
        """Carry a conversation out, trying again what an exchange would try again."""
        return converse(talk, self._answered)

    def _answered(self, request: Request) -> Response:
        for _ in range(50):
            answer = self.ask(request)
            if answer.status == 401 and isinstance(self.access.tokens, Login):
                self.log_in(self.access.tokens)
            elif answer.status not in AGAIN:
                break
            self.troubles += 1
        return answer

    def log_in(self, login: Login) -> None:
        assert self._application is not None, "nobody to log in as"
        talk, answer = login.ask(self._application), None
        while isinstance(said := talk.send(answer), Request):
            answer = self.ask(said)
        self.token = login.read(said.bodies[0], self.clock.now).access_token

    def poll(self, since: datetime, until: datetime) -> list[tuple[Page, bytes]]:
        return bodies(self.pages(self.connector.poll(self.shop, since, until)))

    def snapshot(self) -> list[tuple[Page, bytes]]:
        return bodies(self.pages(self.connector.snapshot(self.shop)))

    def fetch(self, want: WantedBody) -> list[tuple[Page, bytes]]:
        return bodies(self.pages(self.connector.fetch(self.shop, want.resource)))


def spread(deliveries: Iterable[Delivery], readings: Sequence[Reading]) -> None:
    """Read each webhook in the shops that it is about."""
    for delivery in deliveries:
        for reading in readings:
            connector, place = reading.client.connector, reading.client.place
            route = connector.route(delivery.body)
            assert isinstance(route, Route), route
            here = not route.locations or place.location_id in route.locations
            if route.merchant == place.merchant_id and here:
                reading.read(route.resource, delivery.body, Channel.WEBHOOK)


def bodies(found: Iterable[Page]) -> list[tuple[Page, bytes]]:
    return [(page, body) for page in found for body in page.bodies]


def clients(provider: str, simulator: Simulator) -> list[Client]:
    """Return a client for each shop."""
    clock = Clock(simulator.ends)
    return [Client(provider, simulator, place, clock) for place in simulator.config.shops]


class Reading:
    """What the bodies of one shop make, in whatever order they are read."""

    def __init__(self, client: Client) -> None:
        self.client, self.shop = client, client.shop
        self.outcomes: list[Outcome] = []
        self._parts: dict[str, dict[str, Part]] = {}

    def read(self, resource: str, body: bytes, channel: Channel = Channel.POLL) -> Outcome:
        """Read one body; what it points at is fetched."""
        raw = RawEvent(
            raw_id="raw",
            tenant_id=self.shop.tenant_id,
            account_id=self.shop.account_id,
            provider=self.client.connector.provider,
            channel=channel,
            resource=resource,
            received_at=self.client.clock.now,
            body=body,
        )
        outcome = self.client.connector.read(raw, self.shop)
        self.outcomes.append(outcome)
        wanted: tuple[WantedBody, ...] = ()
        match outcome:
            case Parts():
                wanted = outcome.wanted
                for part in outcome.parts:
                    self._take(part)
            case NeedsFetch():
                wanted = outcome.wanted
            case _:
                pass
        for want in wanted:
            if not self._known(want):
                for page, found in self.client.fetch(want):
                    self.read(page.resource, found, Channel.FETCH)
        return outcome

    def read_all(self, found: Iterable[tuple[Page, bytes]]) -> None:
        for page, body in found:
            self.read(page.resource, body)

    def _take(self, part: Part) -> None:
        bundle = self._parts.setdefault(part.transaction, {})
        if part.supersedes(bundle.get(part.part_id)):
            bundle[part.part_id] = part

    def _known(self, want: WantedBody) -> bool:
        part = self._parts.get(want.transaction, {}).get(want.part_id)
        if part is None:
            return False
        by_version = want.min_version is not None and part.version >= want.min_version
        by_time = (
            want.min_updated_at_us is not None and part.updated_at_us >= want.min_updated_at_us
        )
        return by_version or by_time

    def transactions(self) -> list[Transaction]:
        made = [
            one
            for key, bundle in self._parts.items()
            for one in self.client.connector.assemble(key, bundle, self.shop)
        ]
        return sorted(made, key=lambda one: one.transaction_id)

    def figures(self) -> Totals:
        """Return the sums of each day, as the simulators give theirs."""
        sums = [figures(one) for one in self.transactions() if counts(one)]
        return Totals(
            days=summed(sums, {self.shop.location_id: self.shop.currency or ""}), stock={}
        )


def figures(made: Transaction) -> Figures:
    """Return what a transaction adds to its day."""
    tenders: dict[str, int] = {}
    for tender in made.tenders:
        method = tender.method.value
        tenders[method] = tenders.get(method, 0) + tender.amount
    return Figures(
        location_id=made.location_id,
        day=made.business_day,
        at=made.closed_at or made.occurred_at,
        kind="sale" if made.kind is Kind.VOID else made.kind.value,
        lines=tuple(
            Moved(
                key=product_key(line),
                units=plain(line.quantity),
                gross=line.gross,
                discount=line.discount,
                tax=line.tax,
                tax_included=line.tax_included,
                gift_card=line.kind is LineKind.GIFT_CARD,
            )
            for line in made.lines
        ),
        service_charge=made.totals.service_charge,
        tax=made.totals.tax,
        tip=made.totals.tip,
        total=made.totals.total,
        tenders=tenders,
    )


def days_of(totals: Totals, place: SimulatedShop) -> Mapping[str, object]:
    """Return the days of one shop, numbers in plain form, without tenders of nothing."""
    found = {}
    for day, sums in totals.of(place.location_id).items():
        told = msgspec.to_builtins(sums)
        told["tenders"] = {name: paid for name, paid in sums.tenders.items() if paid}
        for name, product in sums.products.items():
            told["products"][name]["units"] = plain(product.units)
        found[day.isoformat()] = told
    return found


def finished(simulator: Simulator) -> Simulator:
    """Let all of the live trade happen."""
    simulator.release(simulator.ends)
    return simulator

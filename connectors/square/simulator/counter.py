"""The counter of one bakery: what customers buy, and how they pay."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatedShop
from connectors.simulation.goods import MODIFIERS, priced
from connectors.square.simulator.bills import Cut, Fee, Piece, reckon
from connectors.square.simulator.sale import Pay, Sale
from connectors.square.simulator.shop_window import ShopWindow, Variation

LONGEST_OFFLINE = timedelta(hours=71)
TYPED_IN = (("Catering deposit", 3500), ("Day-old bag", 400), ("Custom Amount", 650))
EATEN_ELSEWHERE = ("Take-away box", 30)
BRANDS = ("VISA", "MASTERCARD", "AMERICAN_EXPRESS")


class Counter:
    """Makes sales; `chance` decides everything."""

    def __init__(self, bakery: SimulatedShop, window: ShopWindow, chance: Chance) -> None:
        self.bakery = bakery
        self.window = window
        self.chance = chance

    def sale(self, at: datetime) -> Sale:
        """Return a completed sale that one customer made and paid at a time."""
        throw = self.chance
        pieces = self.pieces(at)
        cuts, fees = self._cuts(pieces), self._fees()
        reckon(self.bakery, pieces, cuts, fees)
        sale = Sale(
            bakery=self.bakery,
            order_id=throw.id(),
            created_at=at - throw.between(timedelta(seconds=20), timedelta(seconds=150)),
            closed_at=at,
            updated_at=at,
            pieces=pieces,
            cuts=cuts,
            fees=fees,
            cashier=f"TM{throw.randrange(1, 5):03d}",
            device=f"till-{throw.randrange(1, 3)}",
            ticket=f"Table {throw.randrange(1, 13)}" if throw.happens(80) else "",
            customer=f"CU{throw.randrange(1, 400):05d}" if throw.happens(150) else "",
        )
        self._pay(sale)
        return sale

    def pieces(self, at: datetime) -> list[Piece]:
        """Return the lines of a new bill."""
        throw = self.chance
        found: list[Piece] = []
        for _ in range(throw.choices((1, 2, 3, 4, 5), weights=(35, 30, 20, 10, 5))[0]):
            if throw.happens(25):
                found.append(self._typed_in())
            elif throw.happens(8):
                found.append(self._gift_card())
            else:
                found.append(self.bought(self.window.pick(throw, at)))
        for number, piece in enumerate(found, 1):
            piece.uid = f"line{number}"
        return found

    def bought(self, goods: Variation) -> Piece:
        """Return a line for some of a variation."""
        throw = self.chance
        if goods.weighed:
            quantity = Decimal(throw.randrange(80, 900)).scaleb(-3)
        else:
            quantity = Decimal(throw.choices((1, 2, 3, 6), weights=(70, 20, 7, 3))[0])
        modifiers: tuple[tuple[str, int], ...] = ()
        if goods.modified and throw.happens(300):
            chosen = throw.sample(MODIFIERS, 2 if throw.happens(200) else 1)
            modifiers = tuple((n, priced(p, self.bakery.currency)) for n, p in chosen)
        return Piece(
            uid="",
            kind="ITEM",
            name=goods.item_name,
            variation_name=goods.name,
            variation_id=goods.variation_id,
            catalog_version=goods.version,
            quantity=quantity,
            price=goods.price,
            weighed=goods.weighed,
            tax=goods.tax,
            modifiers=modifiers,
        )

    def _typed_in(self) -> Piece:
        name, price = self.chance.choice(TYPED_IN)
        return Piece(
            uid="",
            kind="CUSTOM_AMOUNT",
            name=name,
            quantity=Decimal(1),
            price=priced(price, self.bakery.currency),
            tax=0 if self.chance.happens(500) else None,
        )

    def _gift_card(self) -> Piece:
        price = priced(self.chance.choice((1000, 2500, 5000)), self.bakery.currency)
        return Piece(
            uid="", kind="GIFT_CARD", name="eGift Card", quantity=Decimal(1), price=price
        )

    def _cuts(self, pieces: list[Piece]) -> list[Cut]:
        throw, cuts = self.chance, []
        line = throw.randrange(len(pieces))
        if throw.happens(40) and pieces[line].kind == "ITEM":
            if throw.happens(500):
                cuts.append(Cut(uid="cut-line", name="Day-old", percent="30", line=line))
            else:
                off = priced(50, self.bakery.currency)
                cuts.append(Cut(uid="cut-line", name="Voucher 0.50", amount=off, line=line))
        if throw.happens(50):
            percent = "12.5" if throw.happens(300) else "10"
            cuts.append(Cut(uid="cut-order", name="Regular guest", percent=percent))
        elif throw.happens(20):
            off = priced(200, self.bakery.currency)
            cuts.append(Cut(uid="cut-order", name="Coupon 2.00", amount=off))
        elif throw.happens(6) and all(piece.kind == "ITEM" for piece in pieces):
            cuts.append(Cut(uid="cut-comp", name="On the house", percent="100"))
        return cuts

    def _fees(self) -> list[Fee]:
        throw, fees = self.chance, []
        if throw.happens(30):
            name, price = EATEN_ELSEWHERE
            amount = priced(price, self.bakery.currency)
            fees.append(Fee(uid="fee-box", name=name, amount=amount))
        if throw.happens(20):
            tax = None if self.bakery.inclusive or throw.happens(500) else 1
            fees.append(Fee(uid="fee-delivery", name="Delivery", percent="8", tax=tax))
        if throw.happens(15):
            fees.append(Fee(uid="fee-gratuity", name="", percent="18", gratuity=True))
        return fees

    def _pay(self, sale: Sale) -> None:
        throw, due = self.chance, sale.due
        if due == 0:
            return
        if due > 200 and throw.happens(50):  # noqa: PLR2004
            share = throw.randrange(1, due)
            sale.pays = [self.payment(sale, share), self.payment(sale, due - share)]
        else:
            sale.pays = [self.payment(sale, due)]

    def payment(self, sale: Sale, amount: int) -> Pay:
        """Return a completed payment of part of a bill, by whatever the customer has."""
        throw = self.chance
        method = throw.choices(
            ("CARD", "CASH", "WALLET", "SQUARE_GIFT_CARD", "OTHER"),
            weights=(55, 35, 5, 3, 2),
        )[0]
        pay = Pay(
            payment_id=throw.id(),
            method=method,
            amount=amount,
            created_at=sale.closed_at,
            updated_at=sale.closed_at,
        )
        if method == "CASH":
            note = throw.choice((1, 100, 500, 1000))
            pay.handed = -(-amount // note) * note
        elif method in {"CARD", "SQUARE_GIFT_CARD"}:
            pay.brand = throw.choice(BRANDS)
            pay.last_four = f"{throw.randrange(10_000):04d}"
        if method in {"CARD", "WALLET"} and throw.happens(200):
            pay.tip = max(1, amount * throw.choice((5, 10, 15, 20)) // 100)
        return pay

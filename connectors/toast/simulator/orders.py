"""
Orders in Toast's words: one order, one check, its payments with what came back of them.

Source: doc.toasttab.com/openapi/orders (Order, Check, Payment, Refund, VoidInfo,
AppliedServiceCharge)
"""

from __future__ import annotations

from msgspec.structs import replace

from connectors.simulation.answers import Json
from connectors.simulation.bills import Bill, Payment
from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatedShop, SimulatorConfig
from connectors.toast.simulator.ledger import (
    Known,
    check_guid,
    order_guid,
    payment_guid,
    refund_guid,
)
from connectors.toast.simulator.lines import discount, kitchen_note, price_of, selection
from connectors.toast.simulator.wording import NEVER, amount, day_number, guid, ref, when

_TYPES = {"cash": "CASH", "card": "CREDIT", "gift_card": "GIFTCARD"}
_NOTES = 80
"""Of a thousand orders, so many have a word for the kitchen."""


class Writer:
    """Writes orders down; of what was dropped before it was paid, some are deleted."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config, self._seed = config, config.seed

    def order(self, known: Known, *, guests: bool) -> Json:
        """Return an order; without `guests` nothing says who they were, as in webhooks."""
        bill = known.bill
        shop, dead = self._config.shops[bill.place], bill.status == "cancelled"
        deleted = dead and not bill.payments and bill.number % 2 == 0
        device = {"id": f"{bill.register:016x}"}
        told: Json = {
            **ref(order_guid(self._seed, bill.place, bill.number), "Order"),
            "revenueCenter": ref(guid(shop.location_id, "revenue center"), "RevenueCenter"),
            "server": ref(guid(shop.location_id, "server", bill.cashier), "RestaurantUser"),
            "createdInTestMode": False,
            "createdDevice": device,
            "lastModifiedDevice": device,
            "source": "In Store",
            "businessDate": day_number(shop.calendar.day_of(bill.closed_at)),
            "numberOfGuests": 1,
            "diningOption": ref(guid(shop.location_id, "dining option"), "DiningOption"),
            **_life(known, deleted=deleted),
            "excessFood": False,
            "approvalStatus": "APPROVED",
            "checks": [self._check(known, shop, deleted=deleted, guests=guests)],
        }
        return told

    def payment(self, known: Known, name: str) -> Json | None:
        """Return one payment of an order, as it is told on its own."""
        bill, shop = known.bill, self._config.shops[known.bill.place]
        for told in self._payments(known, shop):
            if told["guid"] == name:
                return {
                    **told,
                    "orderGuid": order_guid(self._seed, bill.place, bill.number),
                    "checkGuid": check_guid(self._seed, bill.place, bill.number),
                }
        return None

    def payments(self, known: Known) -> list[Json]:
        """Return all payments of an order."""
        return self._payments(known, self._config.shops[known.bill.place])

    def _check(self, known: Known, shop: SimulatedShop, *, deleted: bool, guests: bool) -> Json:
        bill, dead = known.bill, known.bill.status == "cancelled"
        refund = known.refunds[0] if known.refunds else None
        lines = [selection(line, bill, shop, self._seed, refund) for line in bill.lines]
        if Chance(self._seed, "note", bill.place, bill.number).happens(_NOTES):
            lines.append(kitchen_note(bill, self._seed))
        counted = [] if dead else bill.counted
        fees = 0 if dead else bill.service_charge + bill.gratuity
        if _collected_as_tip(bill):
            fees -= bill.gratuity
        net = sum(price_of(line, shop).price for line in counted) + fees
        tax = sum(line.tax for line in counted)
        return {
            **ref(check_guid(self._seed, bill.place, bill.number), "Check"),
            "displayNumber": f"{bill.daily_number}",
            **_life(known, deleted=deleted),
            "paymentStatus": _status(known),
            "taxExempt": False,
            "amount": amount(net),
            "taxAmount": amount(tax),
            "totalAmount": amount(net + tax),
            "selections": lines,
            "appliedDiscounts": self._discounts(bill, shop),
            "appliedServiceCharges": self._charges(bill, shop),
            "payments": self._payments(known, shop),
            "customer": _guest(bill, shop) if guests and bill.customer else None,
        }

    def _discounts(self, bill: Bill, shop: SimulatedShop) -> list[Json]:
        off = sum(line.bill_discount for line in bill.counted)
        if not off:
            return []
        without_tax = sum(price_of(line, shop).shared for line in bill.counted)
        names = (self._seed, "discount", bill.place, bill.number)
        return [discount(bill.percent_off, off, without_tax, None, names)]

    def _charges(self, bill: Bill, shop: SimulatedShop) -> list[Json]:
        charges = (
            ("Packaging", bill.service_charge, False),
            ("Gratuity", bill.gratuity, True),
        )
        return [
            {
                **ref(guid(self._seed, name, bill.place, bill.number), "AppliedServiceCharge"),
                "name": name,
                "chargeAmount": amount(charge),
                "chargeType": "PERCENT",
                "serviceCharge": ref(guid(shop.location_id, name), "ServiceCharge"),
                "gratuity": gratuity,
                "taxable": False,
                "appliedTaxes": [],
                "serviceChargeCategory": "SERVICE_CHARGE",
            }
            for name, charge, gratuity in charges
            if charge
        ]

    def _payments(self, known: Known, shop: SimulatedShop) -> list[Json]:
        bill = known.bill
        return [
            self._payment(pay, bill, known.refunds, shop)
            for pay in map(_asked_for, bill.payments, [bill] * len(bill.payments))
        ]

    def _payment(
        self, pay: Payment, bill: Bill, refunds: tuple[Bill, ...], shop: SimulatedShop
    ) -> Json:
        card, dead = pay.method == "card", bill.status == "cancelled"
        return {
            **ref(payment_guid(self._seed, bill.place, pay.number), "OrderPayment"),
            "type": _TYPES[pay.method],
            "amount": amount(pay.amount),
            "tipAmount": amount(pay.tip),
            "amountTendered": amount(pay.handed),
            "cardType": pay.brand if card else None,
            "last4Digits": pay.last_four or None,
            "cardEntryMode": "EMV_CHIP_SIGN" if card else None,
            "paymentStatus": "VOIDED" if dead else "CAPTURED" if card else None,
            "voidInfo": self._void(bill, shop) if dead else None,
            "refundStatus": _refund_status(pay, refunds),
            "refund": self._refund(refunds[0], shop) if refunds else None,
            "paidDate": when(pay.at),
            "paidBusinessDate": day_number(shop.calendar.day_of(pay.at)),
            "houseAccount": None,
            "otherPayment": None,
        }

    def _void(self, bill: Bill, shop: SimulatedShop) -> Json:
        user = ref(guid(shop.location_id, "server", bill.cashier), "RestaurantUser")
        return {
            "voidUser": user,
            "voidApprover": user,
            "voidDate": when(bill.known_at),
            "voidBusinessDate": day_number(shop.calendar.day_of(bill.known_at)),
            "voidReason": None,
        }

    def _refund(self, refund: Bill, shop: SimulatedShop) -> Json:
        name = refund_guid(self._seed, refund.place, refund.number)
        return {
            "refundAmount": amount(-refund.due),
            "tipRefundAmount": 0,
            "refundDate": when(refund.closed_at),
            "refundBusinessDate": day_number(shop.calendar.day_of(refund.closed_at)),
            "refundTransaction": {"guid": name, "entityType": "RefundTransaction"},
        }


def _life(known: Known, *, deleted: bool) -> Json:
    """Return the times that an order and its check have in common."""
    bill = known.bill
    voided = bill.status == "cancelled" and not deleted
    return {
        "openedDate": when(bill.opened_at),
        "createdDate": when(bill.opened_at),
        "paidDate": when(bill.closed_at) if bill.status == "completed" else None,
        "closedDate": when(known.closed_at),
        "modifiedDate": when(known.modified_at),
        "voided": voided,
        "voidDate": when(bill.known_at) if voided else None,
        "deleted": deleted,
        "deletedDate": when(bill.known_at) if deleted else NEVER,
    }


def _collected_as_tip(bill: Bill) -> bool:
    """
    Say whether the gratuity is told as part of the card's tip, and left out of the totals.

    Toast's documents say both: that a gratuity is a service charge, and that it "can be used to
    derive the required tip amount".
    """
    single = len(bill.payments) == 1 and bill.payments[0].method == "card"
    return bool(bill.gratuity) and single and bill.number % 2 == 0


def _asked_for(pay: Payment, bill: Bill) -> Payment:
    if not _collected_as_tip(bill):
        return pay
    return replace(pay, amount=pay.amount - bill.gratuity, tip=pay.tip + bill.gratuity)


def _status(known: Known) -> str:
    if known.bill.status == "open":
        return "OPEN"
    return "PAID" if known.closed_at is None and known.bill.payments else "CLOSED"


def _refund_status(pay: Payment, refunds: tuple[Bill, ...]) -> str:
    if not refunds:
        return "NONE"
    return "FULL" if -refunds[0].due == pay.amount else "PARTIAL"


def _guest(bill: Bill, shop: SimulatedShop) -> Json:
    return {
        "guid": guid(shop.location_id, "guest", bill.customer),
        "entityType": "Customer",
        "firstName": "Sim",
        "lastName": f"Guest {bill.customer}",
        "phone": f"555-{bill.customer:04d}",
        "email": f"guest{bill.customer}@example.com",
    }

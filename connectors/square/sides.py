"""
One side of an order, what was sold or what came back, summed and checked.

Source: developer.squareup.com/reference/square/objects/Order, .../OrderServiceCharge,
.../OrderReturn
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.square.lines import included_in, line_of, minor
from connectors.square.wire import ChargeItem, DiscountItem, LineItem, Money, TaxItem
from connectors.troubles import must_equal
from schemas.transaction import Discount, Line, ServiceCharge, Tax


class Side:
    """
    Lines, discounts, taxes and fees of one side; all sums carry the side's sign.

    Args (of `Side`):
        sign: 1 for goods out, -1 for goods back.
        numbered: how many lines the bill has before these.
    """

    __slots__ = (
        "charged",
        "discount",
        "discounts",
        "fees",
        "gratuity",
        "gross",
        "inclusive",
        "lines",
        "service_charge",
        "sign",
        "tax",
        "tax_included",
        "taxes",
    )

    def __init__(
        self,
        sign: int,
        items: Sequence[LineItem],
        taxes: Sequence[TaxItem],
        numbered: int = 0,
    ) -> None:
        self.inclusive = {tax.uid or "" for tax in taxes if tax.type == "INCLUSIVE"}
        self.sign = sign
        self.gross = self.discount = self.tax = self.tax_included = 0
        self.service_charge = self.gratuity = self.charged = 0
        self.discounts: list[Discount] = []
        self.taxes: list[Tax] = []
        self.fees: list[ServiceCharge] = []
        self.lines: list[Line] = []
        for number, item in enumerate(items, numbered + 1):
            line = line_of(item, number, self.inclusive, sign)
            self.gross += line.gross
            self.discount += line.discount
            self.tax += line.tax
            self.tax_included += line.tax_included
            self.lines.append(line)

    @property
    def happened(self) -> bool:
        """Say whether anything is on this side at all."""
        return bool(self.lines or self.fees or self.gratuity)

    @property
    def total(self) -> int:
        """Return what the side comes to, without given tips and rounding."""
        return (
            self.gross
            - self.discount
            + self.tax
            - self.tax_included
            + self.service_charge
            + self.gratuity
        )

    def take(self, other: Side) -> None:
        """Add another side, so that this one is of both."""
        self.lines += other.lines
        self.discounts += other.discounts
        self.taxes += other.taxes
        self.fees += other.fees
        self.gross += other.gross
        self.discount += other.discount
        self.tax += other.tax
        self.tax_included += other.tax_included
        self.service_charge += other.service_charge
        self.gratuity += other.gratuity

    def charge(
        self, charges: Sequence[ChargeItem], items: Sequence[LineItem], tax_due: Money | None
    ) -> None:
        """
        Add service charges; `tax_due` is all the tax that the order says the side has.

        An apportioned charge is spread over the lines, and so is its tax; where the order's tax
        shows that it is not, it is counted here like that of any other charge.

        Raises:
            UnbalancedError: a charge, or its spread over the lines, contradicts itself.
        """
        spread = [one for one in charges if one.treatment_type == "APPORTIONED_TREATMENT"]
        beside = sum(_taxed(one) for one in charges if one not in spread) if spread else 0
        untold = minor(tax_due) - self.sign * self.tax - beside
        spread_taxed = bool(untold) and untold == sum(_taxed(one) for one in spread)
        for one in charges:
            self._charge(one, taxed=one not in spread or spread_taxed)
        must_equal(
            "apportioned service charges",
            sum(minor(item.total_service_charge_money) for item in items),
            sum(_applied(one) for one in spread),
        )

    def _charge(self, one: ChargeItem, *, taxed: bool) -> None:
        applied = _applied(one)
        tax = _taxed(one) if taxed else 0
        included = included_in(one.applied_taxes, self.inclusive) if tax else 0
        if one.total_money is not None and taxed:
            must_equal("service charge", applied + tax - included, one.total_money.amount)
        amount = self.sign * (applied - included)
        self.charged += self.sign * applied
        self.tax += self.sign * tax
        gratuity = one.type == "AUTO_GRATUITY"
        if gratuity:
            self.gratuity += amount
            amount = 0
        self.service_charge += amount
        # A gratuity is a tip; only the tax on one is left to say here.
        if not gratuity or tax:
            name = one.name or ("Gratuity" if gratuity else "Service charge")
            self.fees.append(ServiceCharge(name=name, amount=amount, tax=self.sign * tax))

    def name_discounts(self, given: Sequence[DiscountItem]) -> None:
        """
        Say which discounts make up the side's discount.

        Raises:
            UnbalancedError: the order's discounts do not make the discount of its lines.
        """
        due = self.sign * self.discount
        told = _told(given)
        if told is not None:
            must_equal("discounts", told, due)
            self.discounts = [
                Discount(
                    name=one.name or "Discount", amount=self.sign * minor(one.applied_money)
                )
                for one in given
                if minor(one.applied_money)
            ]
        elif due:
            name = given[0].name if len(given) == 1 else None
            self.discounts = [Discount(name=name or "Discount", amount=self.discount)]

    def name_taxes(self, given: Sequence[TaxItem]) -> None:
        """
        Say which taxes make up the side's tax.

        Raises:
            UnbalancedError: the order's taxes do not make the tax of its lines and charges.
        """
        due = self.sign * self.tax
        told = _told(given)
        if told is not None:
            must_equal("taxes", told, due)
            self.taxes = [
                Tax(
                    name=one.name or "Tax",
                    amount=self.sign * minor(one.applied_money),
                    included=one.type == "INCLUSIVE",
                    rate_percent=one.percentage,
                )
                for one in given
                if minor(one.applied_money)
            ]
        elif due:
            one = given[0] if len(given) == 1 else TaxItem()
            included = one.type == "INCLUSIVE" or self.tax == self.tax_included
            self.taxes = [
                Tax(
                    name=one.name or "Tax",
                    amount=self.tax,
                    included=included,
                    rate_percent=one.percentage,
                )
            ]


def _told(given: Sequence[DiscountItem | TaxItem]) -> int | None:
    """Return what these make; None where there are none, or not all of them say."""
    if not given:
        return None
    whole = 0
    for one in given:
        if one.applied_money is None:
            return None
        whole += one.applied_money.amount
    return whole


def _applied(one: ChargeItem) -> int:
    return minor(one.applied_money or one.amount_money)


def _taxed(one: ChargeItem) -> int:
    if one.total_tax_money is not None:
        return one.total_tax_money.amount
    return sum(minor(share.applied_money) for share in one.applied_taxes or ())

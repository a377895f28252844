"""
Service charges: revenue, mandatory tips, and rounding to the coins there are.

Source: doc.toasttab.com/openapi/orders/tag/Data-definitions/schema/AppliedServiceCharge
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from connectors.toast.amounts import fine_minor, minor
from connectors.toast.items import tax_shares
from connectors.toast.wire import AppliedTax, Charge
from schemas.money import allocate, round_minor
from schemas.transaction import ServiceCharge


class Charges(NamedTuple):
    """
    All charges of a check; the four sequences run in parallel.

    Args:
        kinds: "tip" a mandatory gratuity, "rounding", else "fee".
    """

    digits: int
    charges: tuple[Charge, ...]
    kinds: tuple[str, ...]
    amounts: tuple[int, ...]
    taxes: tuple[int, ...]

    def _of(self, kind: str) -> int:
        pairs = zip(self.kinds, self.amounts, strict=True)
        return sum(amount for one, amount in pairs if one == kind)

    @property
    def service_charge(self) -> int:
        """Return what is revenue, without tax."""
        return self._of("fee")

    @property
    def gratuity(self) -> int:
        """Return what is a mandatory tip."""
        return self._of("tip")

    @property
    def rounding(self) -> int:
        """Return what a cash total was rounded by."""
        return self._of("rounding")

    @property
    def taxed(self) -> list[list[tuple[AppliedTax, int]]]:
        """Return the taxes of each charge."""
        return [
            tax_shares(charge.applied_taxes or (), tax, self.digits)
            for charge, tax in zip(self.charges, self.taxes, strict=True)
        ]

    def fees(self) -> tuple[ServiceCharge, ...]:
        """Return revenue charges; of a gratuity only the tax on it is left to say here."""
        return tuple(
            ServiceCharge(
                name=charge.name or "Service charge",
                amount=amount if kind == "fee" else 0,
                tax=tax,
            )
            for charge, kind, amount, tax in zip(
                self.charges, self.kinds, self.amounts, self.taxes, strict=True
            )
            if tax or (kind == "fee" and amount)
        )


def kind_of(charge: Charge) -> str:
    """Return "tip", "rounding" or "fee"."""
    if charge.service_charge_category == "CASH_ROUNDING":
        return "rounding"
    return "tip" if charge.gratuity else "fee"


def charges_of(given: Sequence[Charge], digits: int) -> Charges:
    """
    Return the charges in minor units.

    Raises:
        UnreadableError: an amount is not one of its currency.
    """
    taxes = [
        round_minor(
            sum(
                (fine_minor(tax.tax_amount, digits) for tax in one.applied_taxes or ()),
                start=Decimal(0),
            )
        )
        for one in given
    ]
    return Charges(
        digits=digits,
        charges=tuple(given),
        kinds=tuple(kind_of(one) for one in given),
        amounts=tuple(minor(one.charge_amount, digits) for one in given),
        taxes=tuple(taxes),
    )


def charges_taxed(charges: Charges, left: int) -> Charges:
    """
    Return the charges with the check's tax that no item bears, where they tell none.

    Older bodies say of a charge only that it is taxable.
    """
    weights = [
        amount if charge.taxable and charge.applied_taxes is None else 0
        for charge, amount in zip(charges.charges, charges.amounts, strict=True)
    ]
    untold = left - sum(charges.taxes)
    if untold <= 0 or not sum(weights):
        return charges
    shares = allocate(untold, weights)
    return charges._replace(
        taxes=tuple(tax + share for tax, share in zip(charges.taxes, shares, strict=True))
    )

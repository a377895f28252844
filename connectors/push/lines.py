"""The lines of a transaction, with what follows from them filled in and the rest checked."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation

from connectors.push.troubles import UnbalancedError, UnreadableError
from connectors.push.wire import AMOUNT_MAX, PushedLine
from schemas.money import round_minor
from schemas.quantity import plain
from schemas.transaction import Line, LineKind, Modifier

_EXACT = Context(prec=60, traps=[InvalidOperation, Inexact])
_ROUNDING = Context(prec=60, traps=[InvalidOperation])

# Powers of ten of pieces or kilograms: beyond any till.
_LARGEST, _SMALLEST = 9, -9


def lines_of(given: Sequence[PushedLine]) -> tuple[Line, ...]:
    """
    Return the lines.

    Raises:
        UnreadableError: a line says too little, or a number that no till has seen.
        UnbalancedError: a line contradicts itself.
    """
    lines = tuple(_line(line, at) for at, line in enumerate(given))
    seen: set[str] = set()
    for at, line in enumerate(lines):
        if line.line_id in seen:
            raise UnreadableError("a line_id stands there twice", f"/lines/{at}/line_id")
        seen.add(line.line_id)
    return lines


def _line(given: PushedLine, at: int) -> Line:
    where = f"/lines/{at}"
    quantity = _number(given.quantity, f"{where}/quantity")
    if not quantity:
        raise UnreadableError("a line of nothing: the quantity is 0", f"{where}/quantity")
    if given.gross is not None and given.gross * quantity < 0:
        raise UnreadableError("quantity and gross have different signs", f"{where}/gross")
    price, gross = _priced(given, quantity, where)
    if gross * quantity < 0:
        # modifiers that take off more than the price
        raise UnreadableError("quantity and gross have different signs", f"{where}/gross")
    if abs(given.tax_included) > abs(given.tax) or given.tax_included * given.tax < 0:
        raise UnbalancedError(given.tax, given.tax_included, f"{where}/tax_included")
    net = gross - given.discount - given.tax_included
    if given.net is not None and given.net != net:
        raise UnbalancedError(net, given.net, f"{where}/net")
    return Line(
        line_id=given.line_id or f"{at + 1}",
        kind=given.kind or _kind(given),
        pos_product_id=given.pos_product_id,
        name=given.name,
        sku=given.sku,
        category=given.category,
        quantity=quantity,
        unit=given.unit,
        unit_price=price,
        gross=gross,
        discount=given.discount,
        tax=given.tax,
        tax_included=given.tax_included,
        net=net,
        modifiers=_modifiers(given, where),
    )


def _kind(given: PushedLine) -> LineKind:
    return LineKind.ITEM if given.pos_product_id else LineKind.CUSTOM_AMOUNT


def _priced(given: PushedLine, quantity: Decimal, where: str) -> tuple[int, int]:
    """Return unit price and gross; either follows from the other, both must agree."""
    extra = sum(modifier.amount for modifier in given.modifiers)
    if given.unit_price is None:
        if given.gross is None:
            raise UnreadableError("neither unit_price nor gross", where)
        each = round_minor(_ROUNDING.divide(Decimal(given.gross), quantity)) - extra
        if not 0 <= each <= AMOUNT_MAX:
            raise UnreadableError("no unit_price follows from the gross", f"{where}/unit_price")
        return each, given.gross
    exact = _EXACT.multiply(quantity, Decimal(given.unit_price + extra))
    if given.gross is not None:
        if abs(exact - given.gross) >= 1:
            raise UnbalancedError(round_minor(exact), given.gross, f"{where}/gross")
        return given.unit_price, given.gross
    if abs(exact) > AMOUNT_MAX:
        raise UnreadableError("quantity x unit_price is too large", f"{where}/quantity")
    if exact != round_minor(exact):
        reason = "quantity x unit_price is no whole amount: say gross, as it was rounded"
        raise UnreadableError(reason, f"{where}/gross")
    return given.unit_price, round_minor(exact)


def _modifiers(given: PushedLine, where: str) -> tuple[Modifier, ...]:
    return tuple(
        Modifier(
            name=one.name,
            amount=one.amount,
            quantity=_number(one.quantity, f"{where}/modifiers/{at}/quantity"),
            pos_modifier_id=one.pos_modifier_id,
        )
        for at, one in enumerate(given.modifiers)
    )


def _number(amount: Decimal, where: str) -> Decimal:
    """Return the number in its plain form; it has to be one that a till may have seen."""
    if amount == 0:
        return Decimal(0)
    if not amount.is_finite() or not _SMALLEST <= amount.adjusted() <= _LARGEST:
        raise UnreadableError("a number is out of range", where)
    number = plain(amount)
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < _SMALLEST:
        raise UnreadableError(f"a number has more than {-_SMALLEST} decimals", where)
    return number

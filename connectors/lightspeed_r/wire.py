"""
The fields of the R-Series that we read, as they come: XML turned into JSON.

Every value is a text ("true", "0", "39.98"). A relation is an object with one key; under it one
row is an object, several are an array, and where there is none the key is missing.

Source: developers.lightspeedhq.com/retail/endpoints/Sale, .../SaleLine, .../SalePayment,
.../Item, .../ItemShop, .../Order, .../OrderLine
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

from msgspec import Raw, Struct, field
from msgspec.json import Decoder

T = TypeVar("T")
ABSENT = Raw()


class Relation(Struct, frozen=True, rename="pascal"):
    """A relation: its one key says what the rows are."""

    sale_line: Raw = ABSENT
    sale_payment: Raw = ABSENT
    item_shop: Raw = ABSENT
    item_price: Raw = ABSENT
    order_line: Raw = ABSENT
    custom_field_value: Raw = ABSENT


class Camel(Struct, frozen=True, kw_only=True, rename="camel"):
    """Base: fields are written `likeThis`, with ids as `likeThisID`."""


class Note(Camel, frozen=True, kw_only=True):
    """A note on a line."""

    note: Any = None


class Named(Camel, frozen=True, kw_only=True):
    """Something of which only the name matters."""

    name: Any = None


class PaymentType(Camel, frozen=True, kw_only=True):
    """How a payment was made; `name` is the shop's own word."""

    name: Any = None
    type: Any = None


class CardCharge(Camel, frozen=True, kw_only=True):
    """A charge of a card; `xnum` ends in the last four digits."""

    xnum: Any = None
    card_type: Any = None
    declined: Any = None


class TaxCategory(Camel, frozen=True, kw_only=True):
    """The names of the two taxes."""

    tax1_name: Any = None
    tax2_name: Any = None


class Payment(Struct, frozen=True, kw_only=True):
    """A payment of a sale."""

    salePaymentID: Any = None  # noqa: N815 - the provider's own names
    amount: Any = None
    tipAmount: Any = None  # noqa: N815
    createTime: Any = None  # noqa: N815
    archived: Any = None
    creditAccountID: Any = None  # noqa: N815
    PaymentType: PaymentType | None = None
    CCCharge: CardCharge | None = None


class Item(Struct, frozen=True, kw_only=True):
    """An item; under a line only some of it."""

    itemID: Any = None  # noqa: N815
    systemSku: Any = None  # noqa: N815
    customSku: Any = None  # noqa: N815
    description: Any = None
    archived: Any = None
    timeStamp: Any = None  # noqa: N815
    Category: Named | None = None
    Prices: Raw = ABSENT
    ItemShops: Raw = ABSENT


class SaleLine(Struct, frozen=True, kw_only=True):
    """A line; `calc…` are of the whole line."""

    saleLineID: Any = None  # noqa: N815
    saleID: Any = None  # noqa: N815
    createTime: Any = None  # noqa: N815
    timeStamp: Any = None  # noqa: N815
    unitQuantity: Any = None  # noqa: N815
    unitPrice: Any = None  # noqa: N815
    displayableUnitPrice: Any = None  # noqa: N815
    isLayaway: Any = None  # noqa: N815
    isWorkorder: Any = None  # noqa: N815
    isSpecialOrder: Any = None  # noqa: N815
    calcLineDiscount: Any = None  # noqa: N815
    calcTransactionDiscount: Any = None  # noqa: N815
    calcSubtotal: Any = None  # noqa: N815
    calcTax1: Any = None  # noqa: N815
    calcTax2: Any = None  # noqa: N815
    itemID: Any = None  # noqa: N815
    parentSaleLineID: Any = None  # noqa: N815
    Item: Item | None = None
    Discount: Named | None = None
    Note: Note | None = None


class Sale(Struct, frozen=True, kw_only=True):
    """A sale, a refund (all negative), or one that is still open."""

    saleID: Any = None  # noqa: N815
    timeStamp: Any = None  # noqa: N815
    completed: Any = None
    archived: Any = None
    voided: Any = None
    isTaxInclusive: Any = None  # noqa: N815
    createTime: Any = None  # noqa: N815
    completeTime: Any = None  # noqa: N815
    referenceNumber: Any = None  # noqa: N815
    tax1Rate: Any = None  # noqa: N815
    tax2Rate: Any = None  # noqa: N815
    change: Any = None
    ticketNumber: Any = None  # noqa: N815
    calcDiscount: Any = None  # noqa: N815
    calcTotal: Any = None  # noqa: N815
    calcSubtotal: Any = None  # noqa: N815
    calcTax1: Any = None  # noqa: N815
    calcTax2: Any = None  # noqa: N815
    calcPayments: Any = None  # noqa: N815
    calcItemFees: Any = None  # noqa: N815
    total: Any = None
    customerID: Any = None  # noqa: N815
    employeeID: Any = None  # noqa: N815
    registerID: Any = None  # noqa: N815
    shopID: Any = None  # noqa: N815
    SaleLines: Raw = ABSENT
    SalePayments: Raw = ABSENT
    TaxCategory: TaxCategory | None = None


class ItemShop(Struct, frozen=True, kw_only=True):
    """What a shop has of an item; shop "0" is the sum of all shops."""

    itemShopID: Any = None  # noqa: N815
    itemID: Any = None  # noqa: N815
    shopID: Any = None  # noqa: N815
    qoh: Any = None
    timeStamp: Any = None  # noqa: N815


class ItemPrice(Camel, frozen=True, kw_only=True):
    """One of an item's prices."""

    amount: Any = None
    use_type: Any = None


class OrderLine(Struct, frozen=True, kw_only=True):
    """A line of an order; `price` is the cost of one piece."""

    orderLineID: Any = None  # noqa: N815
    orderID: Any = None  # noqa: N815
    itemID: Any = None  # noqa: N815
    quantity: Any = None
    price: Any = None
    numReceived: Any = None  # noqa: N815
    timeStamp: Any = None  # noqa: N815


class CustomValue(Struct, frozen=True, kw_only=True):
    """The value of a field that the merchant made up."""

    customFieldID: Any = None  # noqa: N815
    name: Any = None
    value: Any = None
    deleted: Any = None


class Order(Struct, frozen=True, kw_only=True):
    """A purchase order."""

    orderID: Any = None  # noqa: N815
    vendorID: Any = None  # noqa: N815
    shopID: Any = None  # noqa: N815
    refNum: Any = None  # noqa: N815
    orderedDate: Any = None  # noqa: N815
    arrivalDate: Any = None  # noqa: N815
    receivedDate: Any = None  # noqa: N815
    complete: Any = None
    archived: Any = None
    timeStamp: Any = None  # noqa: N815
    Vendor: Named | None = None
    OrderLines: Raw = ABSENT
    CustomFieldValues: Raw = ABSENT


class Body(Struct, frozen=True, kw_only=True):
    """Any body: an answer names its rows, a bare row has its own id."""

    Sale: Raw = ABSENT
    SaleLine: Raw = ABSENT
    Item: Raw = ABSENT
    ItemShop: Raw = ABSENT
    Order: Raw = ABSENT
    OrderLine: Raw = ABSENT
    saleID: Raw = ABSENT  # noqa: N815
    saleLineID: Raw = ABSENT  # noqa: N815
    itemID: Raw = ABSENT  # noqa: N815
    itemShopID: Raw = ABSENT  # noqa: N815
    orderID: Raw = ABSENT  # noqa: N815
    orderLineID: Raw = ABSENT  # noqa: N815
    httpCode: Raw = ABSENT  # noqa: N815
    attributes: Raw = field(name="@attributes", default=ABSENT)


def _decoder(kind: type[T]) -> Decoder[T]:
    return Decoder(kind, float_hook=Decimal)


BODY = _decoder(Body)
RELATION = _decoder(Relation)
SALE, SALES = _decoder(Sale), _decoder(list[Sale])
LINE, LINES = _decoder(SaleLine), _decoder(list[SaleLine])
PAYMENT, PAYMENTS = _decoder(Payment), _decoder(list[Payment])
ITEM, ITEMS = _decoder(Item), _decoder(list[Item])
ITEM_SHOP, ITEM_SHOPS = _decoder(ItemShop), _decoder(list[ItemShop])
ORDER, ORDERS = _decoder(Order), _decoder(list[Order])
ORDER_LINE, ORDER_LINES = _decoder(OrderLine), _decoder(list[OrderLine])
CUSTOM_VALUE, CUSTOM_VALUES = _decoder(CustomValue), _decoder(list[CustomValue])
PRICE, PRICES = _decoder(ItemPrice), _decoder(list[ItemPrice])


def rows(given: Raw | bytes, one: Decoder[T], many: Decoder[list[T]]) -> list[T]:
    """Return the rows: one as an object, several as an array, none as anything else."""
    match bytes(given).lstrip()[:1]:
        case b"[":
            return many.decode(given)
        case b"{":
            return [one.decode(given)]
        case _:
            return []


def related(given: Raw) -> Relation:
    """Return a relation; one without rows may be missing or an empty text."""
    return RELATION.decode(given) if bytes(given).lstrip()[:1] == b"{" else Relation()

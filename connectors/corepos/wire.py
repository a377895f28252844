"""
The columns of CORE-POS's tables that we read; everything else is skipped while parsing.

A row is a JSON object of columns. What reads the database may write a number as a number or as
text, and a flag as a boolean; `values` reads them all alike.

Source: CORE-POS/IS4C fannie/classlib2.0/data/models/trans/DTransactionsModel.php,
.../op/ProductsModel.php, .../op/ProdUpdateModel.php, .../op/InventoryCountsModel.php,
fannie/ws/index.php
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import UNSET, Raw, Struct
from msgspec.json import Decoder


class Row(Struct, frozen=True, kw_only=True):
    """
    One row of any table; the columns that are there tell which.

    Args:
        datetime: of `dtransactions` and its archives; the `dlog` views call it `tdate`.
        normal_price: only products have it.
        updateType: only the log of changed products has it.
        countDate: only counts of stock have it.
    """

    id: Any = None
    datetime: Any = None
    tdate: Any = None
    store_id: Any = None
    storeID: Any = None  # noqa: N815 - CORE-POS's own name of a column
    register_no: Any = None
    emp_no: Any = None
    trans_no: Any = UNSET
    trans_id: Any = None
    pos_row_id: Any = None
    store_row_id: Any = None
    trans_type: Any = None
    trans_subtype: Any = None
    trans_status: Any = None
    upc: Any = None
    description: Any = None
    quantity: Any = None
    scale: Any = None
    unitPrice: Any = None  # noqa: N815
    total: Any = None
    regPrice: Any = None  # noqa: N815
    tax: Any = None
    discountable: Any = None
    voided: Any = None
    numflag: Any = None
    charflag: Any = None
    card_no: Any = None
    memType: Any = None  # noqa: N815
    normal_price: Any = UNSET
    inUse: Any = None  # noqa: N815
    modified: Any = None
    updateType: Any = UNSET  # noqa: N815
    prodUpdateID: Any = None  # noqa: N815
    user: Any = None
    price: Any = None
    countDate: Any = UNSET  # noqa: N815
    count: Any = None
    dept_no: Any = UNSET
    vendorID: Any = UNSET  # noqa: N815
    CardNo: Any = UNSET


class Rows(Struct, frozen=True, kw_only=True):
    """
    An object: rows with their column names beside them, or an answer of the web service.

    Or the UPCs of all products that are sold, all departments, vendors or members. The web
    service writes every row as a JSON text inside its JSON answer.
    """

    rows: list[Row] | None = None
    products_in_use: list[str] | None = None
    departments: list[dict[str, Any]] | None = None
    vendors: list[dict[str, Any]] | None = None
    members: list[dict[str, Any]] | None = None
    result: Raw = Raw()
    error: Raw = Raw()
    jsonrpc: Any = None
    trans_no: Any = UNSET


class Answer(Struct, frozen=True, kw_only=True):
    """`result` of FannieEntity."""

    result: list[str]


ROW = Decoder(Row, float_hook=Decimal)
ROWS = Decoder(list[Row], float_hook=Decimal)
OBJECT = Decoder(Rows, float_hook=Decimal)
ANSWER = Decoder(Answer)

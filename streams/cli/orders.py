"""`tillstream orders`: purchase orders of a POS, through the running API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from schemas.purchasing import OrderDraft, OrderStatus
from streams.cli.accounts import PATH, Key
from streams.cli.api import asked, listed
from streams.cli.console import HERE, Json, line, note, table, told
from streams.cli.keys import Url
from streams.errors import SetupError

app = typer.Typer(help="Purchase orders: what the POS has, and new ones.", no_args_is_help=True)

_SHOWN = ("order_id", "kind", "status", "vendor_name", "reference", "ordered_at", "currency")


@app.command("ls")
@told
def list_orders(
    account_id: str,
    *,
    api_key: Key,
    status: Annotated[OrderStatus | None, typer.Option(help="only these; else all")] = None,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """List the purchase orders and transfers of an account."""
    wanted = None if status is None else status.value
    found = listed(url, api_key, f"{PATH}/{account_id}/purchase-orders", status=wanted)
    if json:
        for row in found:
            line(row)
        return
    rows = ([*(row[name] for name in _SHOWN), len(row["lines"])] for row in found)
    table("Purchase orders", (*_SHOWN, ">lines"), rows)


@app.command()
@told
def show(
    account_id: str, order_id: str, *, api_key: Key, url: Url = HERE, json: Json = False
) -> None:
    """Show one order with its lines; costs are minor units of its currency."""
    rows = listed(url, api_key, f"{PATH}/{account_id}/purchase-orders", order_id=order_id)
    if not rows:
        raise SetupError(f"the account has no order {order_id}; see: tillstream orders ls")
    (found,) = rows
    if json:
        line(found)
        return
    names = ("pos_product_id", "quantity", "received", "unit_cost")
    title = f"{found['kind']} {order_id}: {found['status']}, {found['reference'] or '-'}"
    table(title, names, ([row[name] for name in names] for row in found["lines"]))
    fields = found["custom_fields"]
    if fields:
        table("Custom fields", ("name", "value"), ([it["name"], it["value"]] for it in fields))


@app.command()
@told
def push(
    account_id: str, file: Path, *, api_key: Key, url: Url = HERE, json: Json = False
) -> None:
    """
    Have the POS be given the purchase order of a JSON file.

    It may be pushed again at any time: what the POS has of it is not made twice.
    """
    draft = _draft(file)
    (taken,) = asked(
        url,
        api_key,
        ("POST", f"{PATH}/{account_id}/purchase-orders", msgspec.to_builtins(draft)),
    )
    if json:
        line(taken)
    else:
        note(f"{taken['reference']} is being written; see: tillstream orders ls {account_id}")


def _draft(file: Path) -> OrderDraft:
    try:
        return msgspec.json.decode(file.read_bytes(), type=OrderDraft)
    except OSError as error:
        raise SetupError(f"{file} cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SetupError(f"{file} is no purchase order: {error}") from None

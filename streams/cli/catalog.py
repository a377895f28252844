"""`tillstream catalog`: what a POS has, and its history, through the running API."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from streams.cli.accounts import PATH, Key
from streams.cli.api import listed
from streams.cli.console import HERE, Json, line, table, told
from streams.cli.keys import Url

app = typer.Typer(
    help="Products, departments, vendors and members of a POS: what they are and were.",
    no_args_is_help=True,
)


class Kind(StrEnum):
    """What the catalogue of a POS holds."""

    PRODUCT = "product"
    DEPARTMENT = "department"
    VENDOR = "vendor"
    MEMBER = "member"


OfKind = Annotated[Kind, typer.Option(help="what of the catalogue")]
_PRODUCT = ("pos_product_id", "name", "sku", "price", "currency", "deleted", "changed_at")
_RECORD = ("record_id", "name", "details", "deleted", "changed_at")
_WHO = ("valid_from", "changed_by", "noticed", "run_as", "message")


@app.command("ls")
@told
def list_all(
    account_id: str,
    *,
    api_key: Key,
    kind: OfKind = Kind.PRODUCT,
    deleted: Annotated[
        bool | None, typer.Option("--deleted/--sold", help="only these; else all")
    ] = None,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """List the products of an account, or its departments, vendors or members."""
    wanted = None if deleted is None else str(deleted).lower()
    is_product = kind is Kind.PRODUCT
    path = "catalog" if is_product else f"records/{kind}"
    found = listed(url, api_key, f"{PATH}/{account_id}/{path}", deleted=wanted)
    title = f"{kind.capitalize()}s"
    _show(title, _PRODUCT if is_product else _RECORD, found, json=json)


@app.command()
@told
def versions(
    account_id: str,
    name: Annotated[str, typer.Argument(metavar="ID", help="the POS's own id")],
    *,
    api_key: Key,
    kind: OfKind = Kind.PRODUCT,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """List what a product, department, vendor or member was, since when, and who made it so."""
    is_product = kind is Kind.PRODUCT
    path = "products" if is_product else f"records/{kind}"
    one = f"{PATH}/{account_id}/{path}/{quote(name, safe='')}/versions"
    found = listed(url, api_key, one)
    if not json:
        found = [{**one, **one["after"], "fields": ", ".join(one["fields"])} for one in found]
    what = ("name", "price") if is_product else ("name",)
    _show("Versions", ("number", "event", "fields", *what, *_WHO), found, json=json)


def _show(title: str, names: tuple[str, ...], rows: list[Any], *, json: bool) -> None:
    if json:
        for row in rows:
            line(row)
        return
    table(title, names, ([row[name] for name in names] for row in rows))

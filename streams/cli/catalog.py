"""`tillstream catalog`: the products of a POS and their history, through the running API."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from streams.cli.accounts import PATH, Key
from streams.cli.api import listed
from streams.cli.console import Json, line, table, told
from streams.cli.keys import HERE, Url

app = typer.Typer(help="Products of a POS: what they are and were.", no_args_is_help=True)


@app.command("ls")
@told
def list_products(
    account_id: str,
    *,
    api_key: Key,
    deleted: Annotated[
        bool | None, typer.Option("--deleted/--sold", help="only these; else all")
    ] = None,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """List the products of an account."""
    wanted = None if deleted is None else str(deleted).lower()
    found = listed(url, api_key, f"{PATH}/{account_id}/catalog", deleted=wanted)
    names = ("pos_product_id", "name", "sku", "price", "currency", "deleted", "changed_at")
    _show("Products", names, found, json=json)


@app.command()
@told
def versions(
    account_id: str, pos_product_id: str, *, api_key: Key, url: Url = HERE, json: Json = False
) -> None:
    """List what a product was, since when, and who made it so."""
    name = quote(pos_product_id, safe="")
    found = listed(url, api_key, f"{PATH}/{account_id}/products/{name}/versions")
    if not json:
        found = [{**one, **one["after"], "fields": ", ".join(one["fields"])} for one in found]
    names = ("number", "event", "fields", "name", "price", "valid_from", "changed_by")
    _show("Versions", (*names, "noticed", "run_as", "message"), found, json=json)


def _show(title: str, names: tuple[str, ...], rows: list[Any], *, json: bool) -> None:
    if json:
        for row in rows:
            line(row)
        return
    table(title, names, ([row[name] for name in names] for row in rows))

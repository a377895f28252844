"""`tillstream keys`: master keys of a deployment, tenants and their API keys."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from schemas.sealing import generate_master_key
from streams.cli.api import asked
from streams.cli.console import HERE, Json, line, note, table, told

app = typer.Typer(help="Master keys, tenants, API keys.", no_args_is_help=True)

Url = Annotated[str, typer.Option(envvar="TILLSTREAM_URL", help="where the API answers")]
Admin = Annotated[
    str, typer.Option(envvar="TILLSTREAM_ADMIN_KEY", help="the operator's key", prompt=False)
]
Running = Annotated[
    str | None,
    typer.Option("--url", help="ask the Tillstream that runs there; else open the log here"),
]


@app.command()
def new(*, json: Json = False) -> None:
    """Make the two secrets of a new deployment, as lines for its environment."""
    made = {
        "TILLSTREAM_KEYS": f"k1:{generate_master_key()}",
        "TILLSTREAM_ADMIN_KEY": secrets.token_urlsafe(32),
    }
    if json:
        line(made)
        return
    for name, value in made.items():
        typer.echo(f"{name}={value}")


@app.command()
@told
def tenant(
    name: Annotated[str, typer.Argument(help="of the customer")],
    *,
    admin_key: Admin,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """Create a tenant and its first API key, which is shown this once."""
    (made,) = asked(url, admin_key, ("POST", "/api/v1/tenants", {"name": name}))
    _show(made, json=json)


@app.command()
@told
def issue(
    tenant_id: str,
    *,
    admin_key: Admin,
    name: Annotated[str, typer.Option(help="what audit fields say")] = "default",
    url: Url = HERE,
    json: Json = False,
) -> None:
    """Make a further API key of a tenant, which is shown this once."""
    path = f"/api/v1/tenants/{tenant_id}/keys"
    (made,) = asked(url, admin_key, ("POST", path, {"name": name}))
    _show(made, json=json)


@app.command()
@told
def withdraw(
    tenant_id: str, prefix: str, *, admin_key: Admin, url: Url = HERE, json: Json = False
) -> None:
    """Withdraw an API key, named by its prefix (between the underscores)."""
    list(asked(url, admin_key, ("DELETE", f"/api/v1/tenants/{tenant_id}/keys/{prefix}", None)))
    if json:
        line({"tenant_id": tenant_id, "withdrawn": prefix})
    else:
        note(f"{prefix} opens nothing any more")


def _show(made: dict[str, str], *, json: bool) -> None:
    if json:
        line(made)
    else:
        table("API key (shown once)", ("tenant", "key"), [(made["tenant_id"], made["api_key"])])

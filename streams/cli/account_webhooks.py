"""Webhooks that single accounts set up, through the running API: account after account."""

from __future__ import annotations

import asyncio
from typing import Any

from streams.cli.accounts import PATH
from streams.cli.api import Api
from streams.cli.console import line, note
from streams.errors import SetupError


def known(url: str, key: str, provider: str, account: str | None) -> list[dict[str, Any]]:
    """
    Return what the provider sends about accounts, each row with its account.

    Args:
        account: only this one; None is every connected account of the tenant's there.

    Raises:
        SetupError: there is none, or the API refuses.
    """

    async def main() -> list[dict[str, Any]]:
        async with Api(url, key) as api:
            return [
                {"account_id": name, **row}
                for name in await _accounts(api, provider, account)
                for row in await api.items(f"{PATH}/{name}/webhooks")
            ]

    return asyncio.run(main())


def change(
    method: str, url: str, key: str, provider: str, account: str | None, *, json: bool
) -> None:
    """
    Have webhooks of accounts ensured (PUT) or removed (DELETE), and tell what was changed.

    One account that is refused does not keep the others from being asked.

    Args:
        account: as in `known`.

    Raises:
        SetupError: there is none, or some were refused; it says which, and why.
    """

    async def main() -> None:
        refused = list[str]()
        async with Api(url, key) as api:
            for name in await _accounts(api, provider, account):
                try:
                    done = await api.call(method, f"{PATH}/{name}/webhooks")
                except SetupError as error:
                    refused.append(f"{name}: {error}")
                else:
                    _tell(method, name, done["changed"], json=json)
        if refused:
            raise SetupError("; ".join(refused))

    asyncio.run(main())


def _tell(method: str, account: str, changed: int, *, json: bool) -> None:
    if json:
        line({"account_id": account, "changed": changed})
    else:
        note(f"{account}: {_told(method, changed)}")


def _told(method: str, changed: int) -> str:
    if method == "DELETE":
        return f"{changed} taken away" if changed else "nothing led here"
    return f"{changed} put right" if changed else "everything is sent already"


async def _accounts(api: Api, provider: str, account: str | None) -> list[str]:
    found = [
        one["account_id"]
        for one in await api.items(PATH)
        if one["provider"] == provider
        and (one["account_id"] == account if account else one["status"] == "connected")
    ]
    if not found:
        raise SetupError(f"no such account at {provider}; see: tillstream accounts ls")
    return found

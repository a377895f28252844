"""What callers send: every field with its limits; unknown fields are refused."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from streams.http.paging import CURSOR_LENGTH_MAX, PAGE_DEFAULT, PAGE_MAX

PRODUCTS_MAX = 5_000

Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f]+$")]
Id = Annotated[str, Field(min_length=1, max_length=192, pattern=r"^[^\x00-\x1f/]+$")]
Day = Annotated[date, Field(ge=date(1970, 1, 2), le=date(9999, 12, 30))]

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="Rows of one page.")]
Cursor = Annotated[
    str | None, Query(max_length=CURSOR_LENGTH_MAX, description="`next_cursor` of a page.")
]
AccountFilter = Annotated[
    str | None, Query(max_length=192, description="One account; without it all of the tenant.")
]
FromDay = Annotated[
    Day | None, Query(alias="from", description="First business day, inclusive.")
]
ToDay = Annotated[Day | None, Query(alias="to", description="Last business day, inclusive.")]
PAGE = PAGE_DEFAULT


class Form(BaseModel):
    """Base of all request bodies."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class NewAccount(Form):
    """
    A location to connect; name, time zone and currency come from the provider.

    Sending the same location again renews its credentials: so a revoked or disconnected account
    is connected again, with all it had.
    """

    provider: Name
    location_id: Id
    access_token: SecretStr | None = Field(
        default=None,
        min_length=1,
        max_length=4096,
        description="Needed where a merchant gives tokens, not where the operator logs in. Of "
        "CORE-POS: mysql://user:password@host:3306/, of a user who may SELECT.",
    )
    refresh_token: SecretStr | None = Field(default=None, max_length=4096)
    merchant: Name | None = Field(
        default=None,
        description="Checked against what the provider says, where given; Lightspeed Retail "
        "cannot be called without.",
    )
    currency: str | None = Field(
        default=None,
        pattern="^[A-Z]{3}$",
        description="ISO 4217, of a provider that does not say it; what it says wins.",
    )
    cut_off_hour: int | None = Field(
        default=None,
        ge=0,
        le=23,
        description="A sale before this hour belongs to the day before; 0 for a new account.",
    )
    sync_interval_s: int | None = Field(default=None, ge=60, le=86_400)
    location_name: Name | None = Field(
        default=None, description='Of a till of one\'s own (provider "push"), as `timezone`.'
    )
    timezone: Name | None = Field(
        default=None, description="IANA name; of providers that know none (push, corepos)."
    )


class Authorize(Form):
    """Ask for a link by which a merchant lets us in."""

    location_id: Id | None = Field(
        default=None,
        description="The location to connect; without it, one is chosen later.",
    )
    account_id: Id | None = Field(
        default=None, description="An account to connect again, with the same merchant."
    )
    redirect_to: str | None = Field(
        default=None,
        max_length=2048,
        description="Where the browser goes afterwards: one of TILLSTREAM_RETURN_URLS, and a "
        "query of its own. Without it a page says how it ended.",
    )


class Reconnect(Form):
    """Ask for a link by which a merchant lets us in again."""

    redirect_to: str | None = Field(default=None, max_length=2048)


class Choice(Form):
    """Which of the merchant's locations to connect."""

    location_ids: list[Id] = Field(min_length=1, max_length=100)


class AccountChange(Form):
    """What of an account may change."""

    sync_interval_s: int = Field(
        ge=60, le=86_400, description="Seconds between two polls of the provider."
    )


class ProductForm(Form):
    """One product of the tenant's own catalogue."""

    product_id: Id
    name: Name
    sku: Annotated[str, Field(max_length=128)] | None = None
    category: Annotated[str, Field(max_length=256)] | None = None


class Products(Form):
    """Products to create or replace, each at most once."""

    products: list[ProductForm] = Field(min_length=1, max_length=PRODUCTS_MAX)

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        if len({product.product_id for product in self.products}) < len(self.products):
            raise ValueError("a product_id stands there twice")
        return self


class NewMapping(Form):
    """Which of the tenant's products a POS product is."""

    account_id: Id
    pos_product_id: Name
    product_id: Id


class MappingChange(Form):
    """The product that a POS product is from now on, and ever was."""

    product_id: Id


class AutoMap(Form):
    """Which account to match again; none means all."""

    account_id: Id | None = None
    include_undone: bool = Field(
        default=False, description="Match also what a person has unmapped by hand."
    )


class Reason(Form):
    """In whose name a run is, and why: both are kept with every version that it brings."""

    run_as: Name | None = None
    message: Annotated[str, Field(min_length=1, max_length=1024)] | None = None


class History(Reason):
    """How much history to import; without days as the settings say."""

    days: int | None = Field(default=None, ge=1, le=3_650)


class Days(Form):
    """Business days of an account, both ends inclusive; without `to` it is one day."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    from_day: Day = Field(alias="from", description="First business day.")
    to_day: Day | None = Field(default=None, alias="to", description="Last business day.")


class NewTenant(Form):
    """A customer; the id is chosen when it is not given."""

    name: Name
    tenant_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")] | None = None


class NewKey(Form):
    """A further API key; the name is what audit fields say."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w .-]+$")] = "default"

"""Keys of rows: "account/…" in UTF-8, so that a prefix finds all rows of an account."""

from __future__ import annotations

from datetime import date

DAY_CHARACTERS = 10
HOUR_CHARACTERS = 10


def product_row(account: str, product: str) -> bytes:
    """Return the key of a product's row: mappings, catalogue, inventory, unmapped revenue."""
    return f"{account}/{product}".encode()


def sales_row(account: str, day: date, product: str) -> bytes:
    """Return the key of a product's row of one day."""
    return f"{account}/{day.isoformat()}/{product}".encode()


def day_row(account: str, day: date) -> bytes:
    """Return the key of an account's row of one day."""
    return f"{account}/{day.isoformat()}".encode()


def day_of_product(account: str, product: str, day: date) -> bytes:
    """Return the key that says: this product has a sales row on this day."""
    return f"{account}/{product}/{day.isoformat()}".encode()


def hour_of_product(account: str, product: str, hour: int) -> bytes:
    """Return the key of a product's movements in one hour since the epoch."""
    return f"{account}/{product}/{hour:0{HOUR_CHARACTERS}d}".encode()

"""Lightspeed Retail, X-Series (once Vend): sales, returns and stock, by version."""

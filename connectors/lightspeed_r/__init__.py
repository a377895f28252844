"""Lightspeed Retail, R-Series: sales that are polled, for it sends no webhooks."""

"""Lightspeed Restaurant K-Series: what its webhooks and endpoints say."""

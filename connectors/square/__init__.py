"""Square: what its webhooks and endpoints say."""

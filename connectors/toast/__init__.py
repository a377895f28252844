"""Toast: what its webhooks and endpoints say."""

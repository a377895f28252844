"""HTTP in: webhooks of providers, and the API of tenants."""

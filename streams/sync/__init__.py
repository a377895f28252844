"""Sync runs: when an account is polled, what a run does, and how it is resumed."""

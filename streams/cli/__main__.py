"""`python -m streams.cli` is `tillstream`."""

from streams.cli.main import run

run()

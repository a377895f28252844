"""The stage `commands`: what people and services ask for becomes sync runs."""

from __future__ import annotations

from schemas import topics
from streams.log import StageSpec

NAME = "commands"

SPEC = StageSpec(name=NAME, sources=(topics.COMMANDS,), rejected=topics.REJECTED)
"""Its handler is `SyncService.handle`: a command is done when its run is in the log."""

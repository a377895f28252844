"""Errors of the outside world, named by what to do next."""

from __future__ import annotations


class SetupError(Exception):
    """The operator must act; the message says what to set or run, and never a secret."""


class LogInUseError(SetupError):
    """Another process has the embedded log open."""


class StateFullError(Exception):
    """The disk of the local copy is full: the copy is good, open it again and again."""

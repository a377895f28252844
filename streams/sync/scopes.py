"""Scopes that a connector may do without: what a run's answers show of them."""

from __future__ import annotations

from contextlib import closing

from connectors.contract import Conversation, Request, Response

_FORBIDDEN = 403


class ScopesSeen:
    """
    What the calls of a run were told.

    Args:
        withheld: scopes of calls that were forbidden.
        granted: scopes of calls that were answered.
    """

    def __init__(self) -> None:
        self.withheld: set[str] = set()
        self.granted: set[str] = set()

    def listening(self, conversation: Conversation) -> Conversation:
        """Pass a conversation on as it is, and note what its answers say of scopes."""
        with closing(conversation):
            answer: Response | None = None
            while True:
                try:
                    said = conversation.send(answer)
                except StopIteration:
                    return
                answer = yield said
                if isinstance(said, Request) and said.forgone and answer is not None:
                    self._note(said.forgone, answer)

    def _note(self, scope: str, answer: Response) -> None:
        (self.withheld if answer.status == _FORBIDDEN else self.granted).add(scope)

"""The error of a destination that cannot accept data now, or of a secret that cannot be read now."""

from __future__ import annotations


class Retry(Exception):
    """The destination cannot accept data now: unreachable, overloaded, or authentication failed. The batch is sent
    again.

    ``args[0]`` is the reason in one line; ``after_s``: when the destination wants the next attempt, None if it does not
    specify.
    """

    def __init__(self, what: str, after_s: float | None = None) -> None:
        super().__init__(what)
        self.after_s = after_s

"""The end of a login, in the form that all protocols have whose passwords are checked in the conversation itself; each
adds a class of its own.
"""

from __future__ import annotations

from sensor.core.event import Event

CLEAR = "clear"


class PasswordLogin(Event):
    """A login ended. ``user``: empty if not sent; ``method``: ``clear`` if the password is readable on the wire,
    ``none`` if none was required, else the protocol's own name; ``seal``: of user and password if they are in the
    clear.
    """

    user: str
    method: str
    accepted: bool
    seal: str = ""

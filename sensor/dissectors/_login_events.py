"""The end of a login, in the form that all protocols have whose passwords are checked in the conversation itself; each
adds a class of its own.
"""

from __future__ import annotations

from sensor.core.event import Event

CLEAR = "clear"


class PasswordLogin(Event):
    """A login came to its end. ``user``: as whom, empty where that is not told; ``method``: ``clear`` where everybody
    can read the password, ``none`` where none was asked for, else the protocol's own word; ``seal``: of user and
    password, where they are clear.
    """

    user: str
    method: str
    accepted: bool
    seal: str = ""

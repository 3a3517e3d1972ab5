"""The result of a login, and a password without one, with the fields that all protocols with logins in the connection
share; each defines a subclass.
"""

from __future__ import annotations

from sensor.core.event import Event

CLEAR, NONE = "clear", "none"


class PasswordLogin(Event):
    """A login ended. ``user``: empty if not sent; ``method``: ``clear`` if the password is readable on the wire,
    ``none`` if none was required, empty if the client's packets were not captured, else the protocol's own name;
    ``seal``: of user and password if they are in cleartext.
    """

    user: str
    method: str
    accepted: bool
    seal: str = ""


class PasswordSent(Event):
    """A client sent a password in cleartext, and the capture holds no packet of the server. ``seal``: of user and
    password; ``password_seal``: of the password alone, equal for accounts with the same one; empty where not made.
    """

    user: str
    seal: str
    password_seal: str = ""

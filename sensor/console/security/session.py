"""The user of a request: from a browser session or a program's token."""

from __future__ import annotations

import hmac

from starlette.requests import Request

from sensor.console.page_request import Given
from sensor.console.security.keys import RequestUser
from sensor.console.settings import Console


class Refused(Exception):
    """A request without permission; the text has the reason and what to do."""


def user_of(console: Console, request: Request) -> RequestUser | None:
    """The user named by a trusted proxy, otherwise of the session; None without one, or if it has ended."""
    if console.proxy is not None and (who := console.proxy.who(request, console.users)) is not None:
        return who
    secret = request.cookies.get(console.cookie, "")
    return console.keys.session(secret) if secret else None


def bearer_of(console: Console, request: Request) -> RequestUser | None:
    """The owner of a token (RFC 6750); None without one, or if it is expired."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return console.keys.token(secret.strip()) if scheme.lower() == "bearer" and secret else None


def peer_of(request: Request) -> str:
    """The client address, for the audit log."""
    return request.client.host if request.client is not None else "unix"


def check_form(who: RequestUser, form: Given, *, write: bool = True) -> None:
    """Check that a form comes from a page of this session and, with ``write``, that its user may write.
    Raises Refused.
    """
    if not hmac.compare_digest(form.get("csrf", [""])[-1].encode(), who.csrf.encode()) or not who.csrf:
        raise Refused("The form does not belong to this session: open the page again and repeat the action.")
    if write and not who.may_write:
        raise Refused(
            f"{who.name} has read access only. An administrator can change the role on the page Users; on the host of "
            "the console, `sensor console login --scope write` prints a link with write access."
        )

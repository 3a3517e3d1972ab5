"""Who asks: the session of a browser, or the token of a program."""

from __future__ import annotations

import hmac

from starlette.requests import Request

from sensor.console.page_request import Given
from sensor.console.security.keys import Who
from sensor.console.settings import Console


class Refused(Exception):
    """A request that is not permitted; the text has the reason and what to do."""


def user_of(console: Console, request: Request) -> Who | None:
    """The user whom a trusted proxy names, else that of a session; None without one, or when it is over."""
    if console.proxy is not None and (who := console.proxy.who(request, console.users)) is not None:
        return who
    secret = request.cookies.get(console.cookie, "")
    return console.keys.session(secret) if secret else None


def bearer_of(console: Console, request: Request) -> Who | None:
    """The owner of a token (RFC 6750); None without one, or when it is over."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return console.keys.token(secret.strip()) if scheme.lower() == "bearer" and secret else None


def peer_of(request: Request) -> str:
    """The address of a client, for the audit log."""
    return request.client.host if request.client is not None else "unix"


def check_form(who: Who, form: Given, *, write: bool = True) -> None:
    """That a form comes from a page of this session, whose user may write where that is needed. Refused."""
    if not hmac.compare_digest(form.get("csrf", [""])[-1].encode(), who.csrf.encode()) or not who.csrf:
        raise Refused("The form is not of this session: open the page again and repeat the action.")
    if write and not who.may_write:
        raise Refused(f"{who.name} may read and not write: `sensor console login --scope write` gives a link that may.")

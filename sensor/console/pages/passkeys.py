"""Login by passkey, and the passkeys of the account page. A script gets the options, and submits the authenticator's
response in a form.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sensor.console.page_request import Given, form_of
from sensor.console.pages import errors
from sensor.console.pages.login import enter, needed, refuse
from sensor.console.pages.users import check_owner, keep_user
from sensor.console.request_handling import endpoint
from sensor.console.security.keys import RequestUser
from sensor.console.security.passkeys import Passkey, bytes_of
from sensor.console.security.relying_party import (
    BadPasskey,
    Party,
    Registered,
    claims_of,
    counter_of,
    login_options,
    party_of,
    registered,
    registration_options,
)
from sensor.console.security.session import Refused, peer_of
from sensor.console.security.users import ROLES
from sensor.console.settings import Console
from sensor.views.errors import NotReadable, ViewError

LOGIN = "login"


def routes(console: Console) -> list[BaseRoute]:
    async def options(_: Request) -> Response:
        return await run_in_threadpool(_login_options, console)

    async def log_in(request: Request) -> Response:
        try:
            form = await form_of(request)
        except ViewError as error:
            return await run_in_threadpool(errors.refused, console, request, error)
        return await run_in_threadpool(_log_in, console, request, form)

    return [
        Route("/passkeys/login", options, methods=["GET"]),
        Route("/passkeys/login", log_in, methods=["POST"]),
        Route("/passkeys/add", endpoint(console, _add_options, write=False), methods=["GET"]),
        Route("/passkeys/add", endpoint(console, _add, write=False), methods=["POST"]),
        Route("/passkeys/remove", endpoint(console, _remove, write=False), methods=["POST"]),
    ]


def _login_options(console: Console) -> Response:
    party = party_of(console.place)
    if party is None:
        return Response("{}", 404, media_type="application/json")
    return Response(login_options(party, console.challenges.new(LOGIN)), media_type="application/json")


def _log_in(console: Console, request: Request, form: Given) -> Response:
    """All failures get the same page, which does not reveal existing passkeys and users."""
    party, response = party_of(console.place), form.get("credential", [""])[-1]
    if party is None or console.attempts.too_many:
        return needed(console, request, failed="passkey")
    try:
        passkey, challenge = _claimed(console, response)
    except BadPasskey:
        return refuse(console, request, "passkey", None)
    before = console.users.get(passkey.user)
    try:
        counter = counter_of(party, response, challenge, passkey.key, passkey.counter)
    except BadPasskey as error:
        console.users.settle(passkey.user, False)
        console.audit.add(passkey.user, "passkey refused", peer=peer_of(request), text=f"{passkey.name}: {error}")
        return refuse(console, request, "passkey", before)
    if before is None or not console.users.settle(passkey.user, True):
        return refuse(console, request, "passkey", before)
    console.audit.add(passkey.user, "login by passkey", peer=peer_of(request), text=passkey.name)
    console.passkeys.used(passkey.id, counter)
    return enter(console, RedirectResponse("/", 303), console.keys.open(passkey.user, ROLES[before.role]))


def _claimed(console: Console, response: str) -> tuple[Passkey, bytes]:
    """The passkey that a response claims to be from, and its challenge, which is used up. Raises BadPasskey."""
    claims = claims_of(response, login=True)
    if not console.challenges.use(LOGIN, claims.challenge):
        raise BadPasskey("the challenge has expired or was used")
    passkey = console.passkeys.get(claims.credential)
    if passkey is None or passkey.handle != claims.handle:
        raise BadPasskey("the passkey is not registered")
    return passkey, claims.challenge


def _add_options(console: Console, _: Request, who: RequestUser, __: Given) -> Response:
    party = _party(console)
    known = [bytes_of(one.id) for one in console.passkeys.of(who.name) if one.party == party.id]
    challenge = console.challenges.new(_purpose(who))
    options = registration_options(party, who.name, console.passkeys.handle(who.name), challenge, known)
    return Response(options, media_type="application/json")


def _add(console: Console, request: Request, who: RequestUser, form: Given) -> Response:
    party, response = _party(console), form.get("credential", [""])[-1]
    check_owner(console, request, who, form)
    try:
        made = _registered(console, party, who, response)
    except BadPasskey as error:
        raise Refused(f"The passkey was not accepted: {error}.") from None
    name = form.get("name", [""])[-1]
    console.audit.add(who.name, "passkey added", peer=peer_of(request), text=name)
    keep_user(console, who)
    console.passkeys.add(who.name, party.id, name, made)
    return RedirectResponse("/account#passkeys", 303)


def _registered(console: Console, party: Party, who: RequestUser, response: str) -> Registered:
    """The credential of a response, whose challenge is used up. Raises BadPasskey."""
    challenge = claims_of(response, login=False).challenge
    if not console.challenges.use(_purpose(who), challenge):
        raise BadPasskey("the request has expired or was used: repeat it")
    return registered(party, response, challenge)


def _remove(console: Console, request: Request, who: RequestUser, form: Given) -> Response:
    """Remove a passkey, and end the other sessions of its user: who lost an authenticator may have lost them too."""
    passkey = form.get("passkey", [""])[-1]
    name = next((one.name for one in console.passkeys.of(who.name) if one.id == passkey), "")
    console.audit.add(who.name, "passkey removed", peer=peer_of(request), text=name)
    console.passkeys.remove(who.name, passkey)
    console.keys.end_all(who.name, but=request.cookies.get(console.cookie, ""))
    return RedirectResponse("/account#passkeys", 303)


def _party(console: Console) -> Party:
    """Raises NotReadable if passkeys cannot be used here."""
    party = party_of(console.place)
    if party is None:
        raise NotReadable("passkeys need the package webauthn, and a URL with HTTPS and a host name: give --public-url")
    return party


def _purpose(who: RequestUser) -> str:
    """A registration belongs to one session."""
    return f"add {who.csrf}"

"""Users and passwords: all users change their own password; administrators add users and assign roles."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sensor.console.page_request import Given
from sensor.console.render import bare
from sensor.console.request_handling import endpoint
from sensor.console.security.keys import RequestUser
from sensor.console.security.passwords import LEAST, checked
from sensor.console.security.relying_party import party_of
from sensor.console.security.session import Refused, peer_of
from sensor.console.security.users import EXTERNAL, ROLES
from sensor.console.settings import Console
from sensor.views.errors import Malformed, Unknown, one_of

ACTIONS = ("add", "role", "link", "reset", "remove")


def routes(console: Console) -> list[BaseRoute]:
    return [
        Route("/account", endpoint(console, _account, write=False), methods=["GET"]),
        Route("/account", endpoint(console, _set_password, write=False), methods=["POST"]),
        Route("/users", endpoint(console, _users, write=False), methods=["GET"]),
        Route("/users", endpoint(console, _act, write=False), methods=["POST"]),
    ]


def _account(console: Console, request: Request, who: RequestUser, _: Given) -> Response:
    user, external = console.users.get(who.name), who.name.startswith(EXTERNAL)
    return bare(
        request, "account.jinja", "Account", who=who, user=user, role=_role_of(who), least=LEAST, external=external,
        done="done" in request.query_params, passkeys=console.passkeys.of(who.name), party=party_of(console.place),
    )  # fmt: skip


def _set_password(console: Console, request: Request, who: RequestUser, form: Given) -> Response:
    """Set a password, also for the first time after a login by link. Other sessions of the user end."""
    password = checked(_field(form, "password"), _field(form, "again"))
    check_owner(console, request, who, form)
    console.audit.add(who.name, "password", peer=peer_of(request))
    keep_user(console, who)
    console.users.set_password(who.name, password)
    console.keys.end_all(who.name, but=request.cookies.get(console.cookie, ""))
    return RedirectResponse("/account?done=1", 303)


def check_owner(console: Console, request: Request, who: RequestUser, form: Given) -> None:
    """Check that the user may have credentials here, and that the form has its current password. Raises Refused."""
    if who.name.startswith(EXTERNAL):
        raise Refused("The OpenID provider has the password of this user.")
    user = console.users.get(who.name)
    if user is not None and user.has_password and not console.users.check(who.name, _field(form, "current")):
        console.audit.add(who.name, "password refused", peer=peer_of(request))
        raise Refused("The current password is wrong, or the user is locked after too many failures.")


def keep_user(console: Console, who: RequestUser) -> None:
    """Add a user that logged in by link, with the role of the link."""
    if console.users.get(who.name) is None:
        console.users.put(who.name, _role_of(who))


def _role_of(who: RequestUser) -> str:
    """The role of the session, which for a user that logged in by link is that of the link."""
    return next(role for role, scope in ROLES.items() if scope == who.scope)


def _users(console: Console, request: Request, who: RequestUser, _: Given) -> Response:
    check_manager(who)
    return _page(console, request, who)


def _page(console: Console, request: Request, who: RequestUser, link: str = "", name: str = "") -> Response:
    return bare(
        request, "users.jinja", "Users", who=who, users=console.users.all(), roles=tuple(ROLES), link=link, name=name,
        passkeys=console.passkeys.counts(),
    )  # fmt: skip


def _act(console: Console, request: Request, who: RequestUser, form: Given) -> Response:
    """A user without a password gets a one-time link, which is shown once."""
    check_manager(who)
    action, name, role = _field(form, "action"), _field(form, "name").strip(), _field(form, "role")
    one_of("action", [action], ACTIONS)
    user = console.users.get(name)
    if action != "add" and user is None:
        raise Unknown("name", name, [one.name for one in console.users.all()])
    if action == "add" and user is not None:
        raise Malformed("name", name, "an unused name")
    console.audit.add(who.name, f"user {action}", peer=peer_of(request), text=f"{name} {role}".strip())
    if action in ("remove", "reset"):
        console.passkeys.remove_all(name)
    if action in ("add", "role"):
        name = console.users.put(name, role)
        console.keys.rescope(name, ROLES[role])
    elif action == "remove":
        console.users.remove(name)
    elif action == "reset":
        console.users.set_password(name, "")
    if action in ("remove", "reset"):
        console.keys.end_all(name)
    if action in ("role", "remove"):
        return RedirectResponse("/users", 303)
    scope = ROLES[role if user is None else user.role]
    # The host is one of the console's names: the guard rejects others.
    origin = f"{'https' if console.place.secure else 'http'}://{request.headers['host']}"
    return _page(console, request, who, f"{origin}/login/{console.keys.link(name, scope)}", name)


def check_manager(who: RequestUser) -> None:
    """Raises Refused unless the user is an administrator."""
    if not who.may_manage:
        raise Refused(
            f"{who.name} is not an administrator. An administrator can change the role on the page Users; on the host "
            "of the console, `sensor console login --scope admin` prints a link of an administrator."
        )


def _field(form: Given, name: str) -> str:
    return form.get(name, [""])[-1]

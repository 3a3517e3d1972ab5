"""Login at an OpenID provider: the browser is redirected there and returns with a code (authorization code
flow, PKCE).
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sensor.console.pages import errors
from sensor.console.pages.login import Endpoint, enter
from sensor.console.render import bare
from sensor.console.security.oidc_attempt import LASTS_S, Attempt, Attempts
from sensor.console.security.oidc_provider import REASON_LIMIT, Denied, Provider
from sensor.console.security.session import peer_of
from sensor.console.security.users import ROLES
from sensor.console.settings import Console
from sensor.core.reader import clean
from sensor.views.errors import ViewError

BEGIN, BACK = "/oidc/login", "/oidc/callback"
# Longest session, seconds: a user whom the provider removes loses access after it.
SESSION_S = 12 * 3600
UNKNOWN = "unknown"
Work = Callable[[Console, Provider, Attempts, Request], Response]


def routes(console: Console) -> list[BaseRoute]:
    """Routes of the login; empty without a provider."""
    provider, attempts = console.oidc, Attempts(console.secret)
    if provider is None:
        return []

    def endpoint(work: Work) -> Endpoint:
        async def answering(request: Request) -> Response:
            return await run_in_threadpool(work, console, provider, attempts, request)

        return answering

    return [Route(BEGIN, endpoint(_begin), methods=["GET"]), Route(BACK, endpoint(_back), methods=["GET"])]


def _begin(console: Console, provider: Provider, attempts: Attempts, request: Request) -> Response:
    """Redirect to the provider. The cookie is Lax, because the redirect back comes from another site."""
    try:
        there = provider.metadata()
    except ViewError as error:
        return errors.not_logged_in(request, f"{error}.", 503, BEGIN)
    cookie, attempt = attempts.new(time.time())
    fields = {
        "response_type": "code", "client_id": provider.options.client_id, "redirect_uri": _back_url(console, request),
        "scope": " ".join(dict.fromkeys(["openid", *provider.options.scopes])), "state": attempt.state,
        "nonce": attempt.nonce, "code_challenge": attempt.challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    joint = "&" if urlsplit(there.authorization_endpoint).query else "?"
    answer = RedirectResponse(f"{there.authorization_endpoint}{joint}{urlencode(fields)}", 303)
    answer.set_cookie(
        _cookie(console), cookie, max_age=LASTS_S, httponly=True, samesite="lax", secure=console.place.secure, path="/"
    )
    return answer


def _back(console: Console, provider: Provider, attempts: Attempts, request: Request) -> Response:
    """The redirect back from the provider, with a code or an error. Each response is used once."""
    try:
        answer = _answer(console, provider, attempts, request)
    except OSError as error:
        answer = errors.unreadable(console, request, error)
    answer.delete_cookie(_cookie(console), path="/", secure=console.place.secure, httponly=True, samesite="lax")
    return answer


def _answer(console: Console, provider: Provider, attempts: Attempts, request: Request) -> Response:
    """Handle the provider's response. Raises OSError if the audit log cannot be written."""
    try:
        return _entered(console, provider, attempts, request)
    except Denied as error:
        return _denied(console, request, str(error))
    except ViewError as error:
        return errors.not_logged_in(request, f"{error}.", 503, BEGIN)


def _entered(console: Console, provider: Provider, attempts: Attempts, request: Request) -> Response:
    """A page that continues to the console: after a redirect from another site, browsers withhold the new cookie
    (Strict).
    """
    from sensor.console.security.id_token import identity_of

    if console.attempts.too_many:
        raise Denied("too many failed logins: wait a minute")
    attempt = _attempt(attempts.of(request.cookies.get(_cookie(console), ""), time.time()), request)
    tokens = provider.tokens(_code(provider, request), attempt.verifier, _back_url(console, request))
    user = identity_of(
        tokens.id_token, provider.keys(), provider.options, attempt.nonce, tokens.access_token, int(time.time())
    )
    console.audit.add(user.name, "login by OIDC", peer=peer_of(request), text=f"{user.role}, subject {user.subject}")
    session = console.keys.open(user.name, ROLES[user.role], SESSION_S)
    return enter(console, bare(request, "entered.jinja", "Logged in", name=user.name), session, SESSION_S)


def _attempt(attempt: Attempt | None, request: Request) -> Attempt:
    """The attempt that the response belongs to. Raises Denied if this browser did not start it."""
    state = request.query_params.get("state", "").encode("utf-8", "replace")
    if attempt is None or not hmac.compare_digest(state, attempt.state.encode()):
        raise Denied("the login did not start in this browser, or more than 10 minutes ago")
    return attempt


def _code(provider: Provider, request: Request) -> str:
    """The code in a response of this provider. Raises Denied."""
    given = request.query_params
    issuer = given.get("iss")
    if issuer != provider.options.issuer and (
        issuer is not None or provider.metadata().authorization_response_iss_parameter_supported
    ):
        raise Denied("the answer is from another provider (iss; RFC 9207)")
    if "error" in given:
        raise Denied(f"{provider.host} refused: {clean(given['error'], REASON_LIMIT)}")
    if not given.get("code"):
        raise Denied(f"{provider.host} sent no code")
    return given["code"]


def _denied(console: Console, request: Request, reason: str) -> Response:
    """Record the denial in the audit log, with a rate limit: a flood must not fill the log."""
    if not console.attempts.too_many:
        console.attempts.failed()
        console.audit.add(UNKNOWN, "login by OIDC refused", peer=peer_of(request), text=reason)
    return errors.not_logged_in(request, f"{reason}.", 403, BEGIN)


def _cookie(console: Console) -> str:
    return f"{console.cookie}-oidc"


def _back_url(console: Console, request: Request) -> str:
    """The redirect URL with the host name that the browser uses; the guard rejects other names."""
    return f"{'https' if console.place.secure else 'http'}://{request.headers['host']}{BACK}"

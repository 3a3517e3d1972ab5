"""ID tokens (OpenID Connect Core 1.0, 3.1.3.7): signature, issuer, audience, times and nonce; and the user's name and
role in them. Needs Authlib.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key

from sensor.console.security.oidc_provider import REASON_LIMIT, Denied
from sensor.console.security.users import EXTERNAL, NAME_LIMIT, ROLES
from sensor.console_section import Oidc
from sensor.core.reader import clean

# Asymmetric signatures only: a provider's public key must never serve as the secret of an HMAC.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
# Allowed clock difference, seconds.
LEEWAY_S = 60
_RANKS = tuple(ROLES)


class Identity(NamedTuple):
    """``name``: with the prefix of external users; ``subject``: identifier that the provider never reassigns."""

    name: str
    role: str
    subject: str


def identity_of(
    id_token: str, keys: list[dict[str, Any]], options: Oidc, nonce: str, access_token: str, now: int
) -> Identity:
    """The user in an ID token. ``now``: seconds since the epoch. Raises Denied."""
    claims = _claims(id_token, keys, options, nonce, access_token, now)
    role = _role(claims, options)
    name = _name(claims, options)
    if not role:
        raise Denied(f"{name} has no role: no value of the claim {options.role_claim} is in console.oidc.roles")
    return Identity(EXTERNAL + name, role, clean(str(claims["sub"]), REASON_LIMIT))


def _claims(
    id_token: str, keys: list[dict[str, Any]], options: Oidc, nonce: str, access_token: str, now: int
) -> Mapping[str, Any]:
    wanted = {
        "iss": {"essential": True, "value": options.issuer},
        "aud": {"essential": True, "value": options.client_id},
        "sub": {"essential": True},
    }
    known = {"nonce": nonce, "client_id": options.client_id, "access_token": access_token}
    try:
        found = jwt.decode(id_token, KeySet(_usable(keys)), algorithms=ALGORITHMS)
        claims = CodeIDToken(found.claims, found.header, wanted, known)
        claims.validate(now, LEEWAY_S)
    except (JoseError, ValueError, TypeError) as error:
        raise Denied(f"the token is not valid: {clean(str(error), REASON_LIMIT)}") from None
    return dict(claims)


def _usable(keys: list[dict[str, Any]]) -> list[Any]:
    """The readable keys; unsupported ones are skipped (RFC 7517, 5)."""
    found = []
    for key in keys:
        if key.get("kty") != "oct":
            with contextlib.suppress(JoseError, ValueError, TypeError, KeyError):
                found.append(import_key(key))
    return found


def _name(claims: Mapping[str, Any], options: Oidc) -> str:
    """The user name. A name that cleaning or shortening would change is denied, because it could match another user."""
    name = claims.get(options.name_claim)
    if not isinstance(name, str) or not name.strip() or clean(name, NAME_LIMIT) != name:
        raise Denied(f"the claim {options.name_claim} is not a name of 1 to {NAME_LIMIT} printable characters")
    if options.name_claim == "email" and claims.get("email_verified") is not True:
        raise Denied("the provider has not verified the mail address (email_verified)")
    return name


def _role(claims: Mapping[str, Any], options: Oidc) -> str:
    """The highest role that the configuration maps to a value of the claim; empty if none."""
    granted = [options.roles[value] for value in _values(claims, options.role_claim) if value in options.roles]
    return max(granted, key=_RANKS.index, default=options.role or "")


def _values(claims: Mapping[str, Any], way: str) -> list[str]:
    """The texts of a claim. A dotted name is a single claim or a path into objects."""
    found: Any = claims.get(way)
    if found is None:
        found = claims
        for name in way.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, str)]

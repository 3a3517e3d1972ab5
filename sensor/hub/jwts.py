"""JWTs of NATS (github.com/nats-io/jwt, version 2): they authorize connections to the hub's NATS servers and subjects
of a user. Servers verify them with the operator's public key and store nothing per sensor.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from sensor.outputs.hub_protocol import messages
from sensor.outputs.hub_protocol.hunts import FOUND, HUNT, found_subject
from sensor.outputs.hub_protocol.messages import subject
from sensor.outputs.transport.nkeys import KeyPair

DAY_S = 86_400
USER_DAYS, TOKEN_S = 30, 3600
UNLIMITED = -1
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
_LIMITS = {
    **dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), UNLIMITED),
    **dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), UNLIMITED),
    "wildcards": True,
}


def operator_jwt(operator: KeyPair, system_account: str, now: int) -> str:
    return _signed(operator, operator.public, "hub", {"type": "operator", "system_account": system_account}, now)


def account_jwt(
    operator: KeyPair, account: str, name: str, now: int, revoked: Mapping[str, int] | None = None, *, stores: bool
) -> str:
    """``revoked``: public keys of users, with the time (seconds since 1970) up to which their JWTs are rejected;
    ``stores``: the account may use JetStream, which the system account must not.
    """
    limits = _LIMITS if stores else {k: v for k, v in _LIMITS.items() if not k.endswith("storage")}
    nats: dict[str, Any] = {"type": "account", "limits": limits, "revocations": dict(revoked or {})}
    return _signed(operator, account, name, nats, now)


def worker_jwt(account: KeyPair, user: str, name: str, now: int) -> str:
    """For a process of the hub: all subjects of its account, without expiry."""
    return _signed(account, user, name, _user(None, None), now)


def sensor_jwt(account: KeyPair, user: str, name: str, now: int) -> str:
    """For a sensor: its own subjects, for 30 days."""
    kinds = (messages.EVENTS, messages.ASK, messages.RENEW, messages.CONFIGURE, messages.FILE)
    publish = [*(subject(kind, user) for kind in kinds), found_subject("*", user)]
    listen = [subject(messages.COMMITS, user), subject(HUNT, user), f"_INBOX_{user}.>"]
    return _signed(account, user, name, _user(publish, listen), now, now + USER_DAYS * DAY_S)


def leaf_jwt(account: KeyPair, user: str, name: str, now: int) -> str:
    """For a leaf server: the subjects of all sensors, and none of the hub's own, without expiry."""
    requests = (messages.EVENTS, messages.ASK, messages.RENEW, messages.JOIN, messages.CONFIGURE, messages.FILE)
    publish = [*(subject(kind, "*") for kind in requests), found_subject("*", "*")]
    # Inboxes have the keys of sensors in their first token, which no pattern matches.
    hidden = [subject(kind, ">") for kind in (*requests, FOUND, "$JS", "$KV")]
    return _signed(account, user, f"leaf {name}", _user(publish, None) | {"sub": {"deny": hidden}}, now)


def token_jwt(account: KeyPair, user: str, site: str, now: int) -> str:
    """For one enrolment: a bearer token for an hour, which permits only a request to join."""
    nats = _user([subject(messages.JOIN, user)], [f"_INBOX_{user}.>"])
    return _signed(account, user, f"join {site}", nats | {"bearer_token": True}, now, now + TOKEN_S)


def _user(publish: list[str] | None, listen: list[str] | None) -> dict[str, Any]:
    """Permissions of a user. None: all subjects."""
    return {
        "type": "user",
        "pub": {} if publish is None else {"allow": publish},
        "sub": {} if listen is None else {"allow": listen},
        **dict.fromkeys(("subs", "data", "payload"), UNLIMITED),
    }


def _signed(issuer: KeyPair, about: str, name: str, nats: dict[str, Any], now: int, expires: int = 0) -> str:
    body: dict[str, Any] = {"iat": now, "iss": issuer.public, "name": name, "sub": about, "nats": nats | {"version": 2}}
    if expires:
        body["exp"] = expires
    digest = hashlib.new("sha512_256", msgspec.json.encode(body)).digest()
    body["jti"] = base64.b32encode(digest).rstrip(b"=").decode()
    signed = f"{_part(_HEADER)}.{_part(body)}"
    return f"{signed}.{issuer.sign(signed.encode())}"


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).rstrip(b"=").decode()

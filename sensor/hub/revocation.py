"""Revocation: sends the account's JWT with the revoked keys to all NATS servers of the hub, which close their
connections at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sensor.core.output import Retry
from sensor.core.reader import clean
from sensor.hub import jwts
from sensor.hub.folder import load_signers
from sensor.hub.own_tls import own_tls
from sensor.hub.settings import Hub
from sensor.outputs.transport.nats_login import Login
from sensor.outputs.transport.nats_server import place_of
from sensor.outputs.transport.nats_wire import Wire, first_of
from sensor.outputs.transport.secrets import Secret

UPDATE = "$SYS.REQ.CLAIMS.UPDATE"
TIMEOUT_S = 10.0
ACCEPTED = 200


class _Status(msgspec.Struct):
    code: int = 0
    description: str = ""


class _Updated(msgspec.Struct):
    data: _Status = msgspec.field(default_factory=_Status)
    error: _Status | None = None


def publish_revocations(hub: Hub, keys: Sequence[str], now: int) -> None:
    """``keys``: all revoked keys; their JWTs issued until ``now`` are rejected. Raises FolderError if keys are missing
    or those of another hub, Retry if no server accepted it.
    """
    operator, account = load_signers(hub.folder)
    jwt = jwts.account_jwt(operator, account.public, "account", now, dict.fromkeys(keys, now), stores=True)
    login = Login(credentials=Secret(f"file:{(hub.folder / 'system.creds').absolute()}"))
    with own_tls(hub, "system") as tls:
        servers = list(hub.settings.nats.servers)
        wire = first_of(servers, lambda url: Wire(place_of(url, tls), login, "_INBOX_system", TIMEOUT_S))
    try:
        answer = msgspec.json.decode(wire.request(UPDATE, jwt.encode()), type=_Updated)
    except msgspec.MsgspecError:
        raise Retry("NATS: the answer of the server cannot be read; is it the server of this hub?") from None
    finally:
        wire.close()
    if answer.error is not None or answer.data.code != ACCEPTED:
        raise Retry(f"NATS: {clean((answer.error or answer.data).description, 200) or 'no confirmation'}")

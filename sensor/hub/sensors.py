"""Sensors of the hub: enrolment tokens, admission, and decisions of the operator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import LiteralString, NamedTuple

from sensor.hub import certificates, jwts
from sensor.hub.database import Connection
from sensor.outputs.hub_protocol.messages import Admission, Joining
from sensor.outputs.hub_protocol.tokens import with_certificate
from sensor.outputs.transport.nkeys import USER, KeyPair, is_public

NAME_LIMIT = 64
_USE: LiteralString = """
UPDATE tokens SET used_by = %(by)s WHERE key = %(key)s AND expires > %(now)s AND (used_by IS NULL OR used_by = %(by)s)
RETURNING site"""
_ADD: LiteralString = """
INSERT INTO sensors (key, name, site, sensor_id, sensor_site, state, version) VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING"""
_SENSOR: LiteralString = "SELECT key, name, site, state, expires FROM sensors WHERE name = %s FOR UPDATE"

_MOVES: tuple[LiteralString, ...] = (
    "UPDATE devices SET site = %s WHERE sensor = (SELECT number FROM sensors WHERE key = %s)",
    "UPDATE alerts SET site = %s WHERE sensor = (SELECT number FROM sensors WHERE key = %s)",
    "UPDATE incidents SET site = %s WHERE sensor = (SELECT number FROM sensors WHERE key = %s)",
)


class Unknown(Exception):
    """No sensor has this name."""


class NameInUse(Exception):
    """Another sensor has this name."""


class Sensor(NamedTuple):
    """``expires``: of its current credentials; None: it has none yet."""

    key: str
    name: str
    site: str
    state: str
    expires: datetime | None


def make_token(base: Connection, account: KeyPair, site: str, now: datetime, *, certified: bool = False) -> str:
    """Create a token for one sensor of a site, valid for one hour. ``certified``: it contains a client
    certificate, since the NATS servers require one before a sensor has its own.
    """
    user = KeyPair.generate(USER)
    with base.transaction():
        base.execute("DELETE FROM tokens WHERE expires < %s", [now - timedelta(days=30)])
        expires = now + timedelta(seconds=jwts.TOKEN_S)
        base.execute("INSERT INTO tokens VALUES (%s, %s, %s)", [user.public, site, expires])
    token = jwts.token_jwt(account, user.public, site, int(now.timestamp()))
    if not certified:
        return token
    return with_certificate(token, user, certificates.client_certificate(account, user.public, now, expires))


def admit(base: Connection, account: KeyPair, token: str, requested: Joining, now: datetime) -> Admission:
    """Enrol a sensor with a token; the subject of its message proves its public key. A token admits one key, which may
    repeat the request; a sensor with a name in use waits for the operator.
    """
    if not is_public(requested.key, USER):
        return Admission("refused", reason="the key is not the public key of a user")
    if (
        not 0 < len(requested.sensor) <= NAME_LIMIT
        or len(requested.site) > NAME_LIMIT
        or "\0" in requested.sensor + requested.site
    ):
        return Admission("refused", reason=f"expected an id of 1 to {NAME_LIMIT} characters, and a site of at most so")
    with base.transaction():
        row = base.execute(_USE, {"by": requested.key, "key": token, "now": now}).fetchone()
        if row is None:
            return Admission("refused", reason="the token was used by another sensor, or has expired")
        if requested.site not in ("", row[0]):
            base.execute("UPDATE tokens SET used_by = NULL WHERE key = %s", [token])
            return Admission(
                "refused", reason=f"the sensor has the site {requested.site!r}, the token is for {row[0]!r}"
            )
        _add(base, requested, row[0])
        return admission(base, account, requested.key, now)


def admission(base: Connection, account: KeyPair, key: str, now: datetime) -> Admission:
    """The response to a sensor that joined: its signed user if it is approved. Within a transaction."""
    row = base.execute("SELECT state, name, site FROM sensors WHERE key = %s FOR UPDATE", [key]).fetchone()
    if row is None or row[0] == "revoked":
        return Admission("refused", reason="the sensor is revoked" if row else "no sensor joined with this key")
    state, name, site = row
    if state == "pending":
        return Admission("pending", site=site, reason=f"the operator must approve it: sensor hub approve {name!r}")
    seconds = int(now.timestamp())
    expires = datetime.fromtimestamp(seconds + jwts.USER_DAYS * jwts.DAY_S, UTC)
    base.execute("UPDATE sensors SET expires = %s WHERE key = %s", [expires, key])
    certificate = certificates.client_certificate(account, key, now, expires)
    return Admission("approved", jwts.sensor_jwt(account, key, name, seconds), site, certificate=certificate)


def approve(base: Connection, name: str) -> Sensor:
    """Approve a sensor. Raises Unknown if the name does not exist. A revoked one must join again with another key."""
    return _changed(base, name, {"pending": "approved"})


def revoke(base: Connection, name: str) -> Sensor:
    """Revoke a sensor. Raises Unknown."""
    return _changed(base, name, {"pending": "revoked", "approved": "revoked"})


def rename(base: Connection, name: str, new: str) -> None:
    """Rename a sensor. Raises Unknown, NameInUse."""
    with base.transaction():
        _key(base, name)
        taken = base.execute("SELECT key FROM sensors WHERE name = %s AND name <> %s", [new, name]).fetchone()
        if taken is not None:
            raise NameInUse(new)
        base.execute("UPDATE sensors SET name = %s WHERE name = %s", [new, name])


def move(base: Connection, name: str, site: str) -> None:
    """Move a sensor to another site, with devices, alerts and incidents; events keep their original site. Raises
    Unknown.
    """
    with base.transaction():
        key = _key(base, name)
        base.execute("UPDATE sensors SET site = %s WHERE key = %s", [site, key])
        for statement in _MOVES:
            base.execute(statement, [site, key])


def ask_again(base: Connection, name: str, after: int) -> None:
    """Request the current log of a sensor again from behind a number: stored events stay, missing ones arrive. Raises
    Unknown, also if the sensor has sent nothing yet.
    """
    statement: LiteralString = """
UPDATE logs SET wanted = %(after)s, committed = committed - int8multirange(int8range(%(after)s + 1, NULL))
WHERE number = (SELECT max(number) FROM logs WHERE sensor = %(key)s)"""
    with base.transaction():
        if not base.execute(statement, {"after": after, "key": _key(base, name)}).rowcount:
            raise Unknown(name)


def revoked_keys(base: Connection) -> list[str]:
    return [row[0] for row in base.execute("SELECT key FROM sensors WHERE state = 'revoked' ORDER BY key")]


def _add(base: Connection, requested: Joining, site: str) -> None:
    """Add a sensor; if its name is in use, under another name and waiting for approval."""
    rest = [site, requested.sensor, requested.site]
    version = requested.version[:NAME_LIMIT]
    if not base.execute(_ADD, [requested.key, requested.sensor, *rest, "approved", version]).rowcount:
        base.execute(
            _ADD, [requested.key, f"{requested.sensor}~{requested.key[1:9].lower()}", *rest, "pending", version]
        )


def _key(base: Connection, name: str) -> str:
    row = base.execute("SELECT key FROM sensors WHERE name = %s FOR UPDATE", [name]).fetchone()
    if row is None:
        raise Unknown(name)
    return str(row[0])


def _changed(base: Connection, name: str, states: Mapping[str, str]) -> Sensor:
    """The sensor in the state that follows its current one; unchanged if none follows."""
    with base.transaction():
        row = base.execute(_SENSOR, [name]).fetchone()
        if row is None:
            raise Unknown(name)
        sensor = Sensor(*row)
        changed = sensor._replace(state=states.get(sensor.state, sensor.state))
        base.execute("UPDATE sensors SET state = %s WHERE key = %s", [changed.state, sensor.key])
        return changed

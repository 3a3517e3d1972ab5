"""Layers of the fleet configuration at the hub: published by the operator, offered to sensors, and the reports of
sensors.

The hub stores and offers signed layers; it cannot create them. Files are stored once by their digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import LiteralString

import msgspec

from sensor.hub.database import Connection
from sensor.hub.sensors import Unknown
from sensor.outputs.hub_protocol.messages import FilePart, Offer, Report, Signed
from sensor.outputs.transport.nkeys import KeyPair
from sensor.sync.layers import SCOPES, Layer, Refused, Scope, digest_of, files_of, sign

# Size of a file part in one response, below the server's message limit.
PART = 512 * 1024
TEXT_LIMIT = 300
_LATEST: LiteralString = """
SELECT DISTINCT ON (c.scope) c.content, c.signature, c.scope FROM configurations c JOIN sensors s ON s.key = %s
WHERE c.scope = 'fleet' OR c.scope = 'site' AND c.target = s.site OR c.scope = 'sensor' AND c.target = s.key
ORDER BY c.scope, c.version DESC"""
_REPORTED: LiteralString = """
UPDATE sensors SET config_state = %s, config_digest = %s, config_reason = %s, config_restart = %s, config_at = now()
WHERE key = %s AND state = 'approved'"""
_PART: LiteralString = """
SELECT substring(body FROM %(start)s FOR %(size)s) FROM configuration_files
WHERE sha256 = %(sha256)s AND EXISTS (SELECT FROM sensors WHERE key = %(key)s AND state = 'approved')"""
_LAYERS: LiteralString = """
SELECT c.scope, coalesce(s.name, c.target), c.version, c.at, c.author, c.comment, c.content
FROM configurations c LEFT JOIN sensors s ON c.scope = 'sensor' AND s.key = c.target
ORDER BY array_position(ARRAY['fleet', 'site', 'sensor'], c.scope), 2, c.version DESC LIMIT %s"""


_STATES: LiteralString = """
SELECT key, name, site, config_state, config_digest, config_reason, config_restart, config_at
FROM sensors WHERE state = 'approved' ORDER BY site, name"""


class LayerRow(msgspec.Struct, frozen=True):
    """A version of a layer. ``target``: site or name of the sensor, empty for the fleet; ``files``: their names."""

    scope: str
    target: str
    version: int
    at: datetime
    author: str
    comment: str
    files: list[str]


class StateRow(msgspec.Struct, frozen=True):
    """``state``: a ``sync.state.Outcome``; ``digest``: version in use; ``expected``: offered version; ``at``: time of
    the last report, None if the sensor does not pull.
    """

    name: str
    site: str
    state: str
    digest: str
    expected: str
    reason: str
    restart: list[str]
    at: datetime | None


class Publication(msgspec.Struct, frozen=True):
    """A publication and its author. ``target``: a site, or the name of a sensor."""

    scope: Scope
    target: str
    author: str
    comment: str = ""


def publish(base: Connection, operator: KeyPair, what: Publication, files: Mapping[str, bytes], now: datetime) -> Layer:
    """Sign and store the next version of a layer. ``files``: content by name. Raises Refused, Unknown."""
    listed = files_of(files)
    with base.transaction():
        base.execute("LOCK TABLE configurations IN EXCLUSIVE MODE")
        layer = _next(base, what, now)
        layer = msgspec.structs.replace(layer, files=listed)
        rows = [(file.sha256, files[file.name]) for file in listed]
        base.cursor().executemany("INSERT INTO configuration_files VALUES (%s, %s) ON CONFLICT DO NOTHING", rows)
        signed = sign(layer, operator)
        values = [layer.scope, layer.target, layer.version, now, what.author, what.comment]
        base.execute(
            "INSERT INTO configurations VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [*values, signed.content, signed.signature],
        )
    return layer


def files_in(base: Connection, what: Publication, version: int) -> dict[str, bytes]:
    """The files of an earlier version, to publish it again. Raises Refused if it does not exist; Unknown."""
    row = base.execute(
        "SELECT content FROM configurations WHERE scope = %s AND target = %s AND version = %s",
        [what.scope, _target(base, what), version],
    ).fetchone()
    if row is None:
        raise Refused(f"no version {version} of this layer")
    found = {}
    for file in layer_of(row[0]).files:
        stored = base.execute("SELECT body FROM configuration_files WHERE sha256 = %s", [file.sha256]).fetchone()
        found[file.name] = bytes(stored[0]) if stored else b""
    return found


def offer(base: Connection, key: str, report: Report) -> Offer:
    """Store the report of a sensor, and offer the latest layers that apply to it."""
    texts = [text[:TEXT_LIMIT].replace("\0", "") for text in (report.state, report.digest, report.reason)]
    restart = [name[:TEXT_LIMIT].replace("\0", "") for name in report.restart[:100]]
    if not base.execute(_REPORTED, [*texts, restart, key]).rowcount:
        return Offer(reason="the sensor is not approved")
    return Offer(_latest(base, key))


def file_part(base: Connection, key: str, requested: FilePart) -> bytes:
    """A part of a file; empty at its end, or if the hub does not have the file."""
    values = {"start": max(0, requested.offset) + 1, "size": PART, "sha256": requested.sha256, "key": key}
    row = base.execute(_PART, values).fetchone()
    return bytes(row[0]) if row else b""


def list_layers(base: Connection, limit: int) -> list[LayerRow]:
    """All versions, the latest of each layer first."""
    return [
        LayerRow(scope, target, version, at, author, comment, [file.name for file in layer_of(content).files])
        for scope, target, version, at, author, comment, content in base.execute(_LAYERS, [limit])
    ]


def list_states(base: Connection) -> list[StateRow]:
    """Configuration state of each approved sensor."""
    return [
        StateRow(name, site, state, digest, digest_of(_latest(base, key)), reason, restart, at)
        for key, name, site, state, digest, reason, restart, at in base.execute(_STATES).fetchall()
    ]


def layer_of(content: str) -> Layer:
    return msgspec.json.decode(content, type=Layer)


def _latest(base: Connection, key: str) -> list[Signed]:
    found = {row[2]: Signed(row[0], row[1]) for row in base.execute(_LATEST, [key])}
    return [found[scope] for scope in SCOPES if scope in found]


def _next(base: Connection, what: Publication, now: datetime) -> Layer:
    """The next version, without files. Its time is later than that of the previous one."""
    target = _target(base, what)
    row = base.execute(
        "SELECT version, content FROM configurations WHERE scope = %s AND target = %s ORDER BY version DESC LIMIT 1",
        [what.scope, target],
    ).fetchone()
    signed = int(now.astimezone(UTC).timestamp())
    if row is None:
        return Layer(what.scope, target, 1, signed)
    before = layer_of(row[1])
    return Layer(what.scope, target, before.version + 1, max(signed, before.signed + 1))


def _target(base: Connection, what: Publication) -> str:
    """The target as layers name it. Raises Unknown if no sensor has the name."""
    if what.scope != "sensor":
        return what.target
    row = base.execute("SELECT key FROM sensors WHERE name = %s", [what.target]).fetchone()
    if row is None:
        raise Unknown(what.target)
    return str(row[0])

"""Stored: a row of the traffic records that proves a finding after its packets are gone."""

from __future__ import annotations

import msgspec

from sensor.core.observation import Subject


class Stored(msgspec.Struct, frozen=True, gc=False):
    """``table``: the table of the row, ``hunt`` for a row computed by a query; ``ts``: packet time, ns; ``facts``: its
    columns by name.
    """

    ts: int
    table: str
    client: Subject
    server: Subject
    client_port: int = 0
    server_port: int = 0
    facts: tuple[tuple[str, str | int | float], ...] = ()

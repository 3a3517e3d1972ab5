"""What outlives its packets: rows of the traffic records and messages of an earlier run, as proofs of findings; open
alerts, suppressed ones included, and incidents as a store keeps them.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from sensor.core.observation import Subject
from sensor.core.record_parts import Body


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


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """A proof of an alert that was open when the sensor was restarted. ``ts``: packet time, ns; ``body``: as records
    show it; ``community_id``: of its flow, empty if it is not an IP flow.
    """

    ts: int
    body: Body
    community_id: str = ""


class OpenEntry(NamedTuple):
    """An open alert, suppressed alert or incident (``kind``). ``ts``: ns of its last occurrence; ``devices``: ids of
    the devices in it; ``body``: JSON, empty if it was closed.
    """

    kind: str
    key: str
    ts: int = 0
    devices: tuple[str, ...] = ()
    body: str = ""

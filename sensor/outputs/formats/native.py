"""The event as the sensor writes it: the line of the event log. Its schema is published with the log
(``sensor/eventlog/schema.json``).
"""

from __future__ import annotations

from sensor.core.record import Record
from sensor.core.record_json import encoded
from sensor.outputs.formats._view import Body, as_body


def body(record: Body | Record) -> Body:
    return as_body(record)


def encode(record: Body | Record) -> bytes:
    return encoded(as_body(record))

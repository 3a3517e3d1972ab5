"""Syslog as RFC 5424 has it: header, structured data, message. One message without framing: that is the transport's.

``meta`` carries the sequence number, ``origin`` the software, ``event`` all that identifies the event. The message
begins with a byte order mark where it is not plain ASCII, as the standard asks.
"""

from __future__ import annotations

from sensor.core.record import Record
from sensor.outputs.formats._syslog import APP, ENTERPRISE, FACILITY, name, parameter, parameters, priority
from sensor.outputs.formats._view import SIZE_LIMIT, Body, joined, one_line, view

MSG_LIMIT = 1024
# sequenceId wraps to 1 after this value (7.3.1).
_LAST_SEQUENCE = (1 << 31) - 1


def encode(record: Body | Record, facility: int = FACILITY) -> bytes:
    seen = view(record)
    sensor = seen.sensor
    head = (
        f"{priority(seen.severity, facility)}1 {seen.record['ts']} {name(sensor['id'], 255)} {APP} - "
        f"{name(f'{seen.kind}.{seen.action}', 32)} "
    )
    if "seq" in sensor:
        head += f'[meta sequenceId="{(sensor["seq"] - 1) % _LAST_SEQUENCE + 1}"]'
    head += (
        f"[origin {parameter('software', APP)} "
        f"{parameter('swVersion', name(sensor.get('version', ''), 32))}][event@{ENTERPRISE} "
    )
    message = one_line(seen.record["msg"], MSG_LIMIT)
    tail = f"] {message}" if message.isascii() else f"] \ufeff{message}"
    end = tail.encode()
    return joined(head, parameters(seen), " ", SIZE_LIMIT - len(end)) + end

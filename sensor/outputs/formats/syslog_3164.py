"""Syslog as RFC 3164 describes what was in use: priority, time without a year, host, tag and text, at most 1,024 bytes.

The text is the element ``event`` as in RFC 5424 and then the message. Where both have no room, the message loses its
end, then the element its last parameters: id, exact time, both ends and detector come first.
"""

from __future__ import annotations

from sensor.core.record import Record
from sensor.outputs.formats._syslog import APP, ENTERPRISE, FACILITY, name, parameters, priority
from sensor.outputs.formats._view import Body, joined, one_line, view

LIMIT = 1024
# Characters that are reserved for the message, whatever parameters there are.
_LEAST = 160
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def encode(record: Body | Record, facility: int = FACILITY) -> bytes:
    seen = view(record)
    ts = seen.record["ts"]
    stamp = f"{_MONTHS[int(ts[5:7])]} {int(ts[8:10]):2d} {ts[11:19]}"
    head = f"{priority(seen.severity, facility)}{stamp} {name(seen.sensor['id'], 255)} {APP}: [event@{ENTERPRISE} "
    message = one_line(seen.record["msg"], LIMIT).encode()
    line = joined(head, parameters(seen), " ", LIMIT - 2 - min(len(message), _LEAST)) + b"] "
    return line + message[: LIMIT - len(line)].decode("utf-8", "ignore").encode()

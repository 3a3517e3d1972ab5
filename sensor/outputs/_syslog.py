"""Shared by outputs that carry syslog messages: facility, and a header for formats without one."""

from __future__ import annotations

from typing import Literal

from sensor.core.output import Entry
from sensor.core.output import Options as CommonOptions
from sensor.outputs.formats._syslog import APP, name, priority

FORMATS = ("syslog_5424", "syslog_3164", "native", "ecs", "ocsf", "cef", "cef_defender", "leef", "device_info")
WHOLE = ("", "syslog_5424", "syslog_3164")
# Collectors of these expect the short header, without a program name.
BARE = ("cef", "cef_defender", "leef")

Facility = Literal[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
]  # fmt: skip
# 12 to 15 have no portable names (RFC 5424, 6.2.1).
NUMBERS = dict(zip(Facility.__args__, (*range(12), *range(16, 24)), strict=True))  # type: ignore[attr-defined]

_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class SyslogOptions(CommonOptions):
    """``facility``: field by which receivers sort; ``header``: of formats that are not syslog, empty: ``rfc3164`` for
    CEF and LEEF, ``rfc5424`` for others, while ``none`` sends them without a header.
    """

    facility: Facility = "local0"
    header: Literal["", "rfc5424", "rfc3164", "none"] = ""


def message(entry: Entry, options: SyslogOptions) -> bytes:
    """The message of a record, without framing."""
    facility = NUMBERS[options.facility]
    if options.format in WHOLE:
        number, _, rest = entry.payload.removeprefix(b"<").partition(b">")
        return b"<%d>%b" % (facility * 8 + int(number) % 8, rest)
    header = options.header or ("rfc3164" if options.format in BARE else "rfc5424")
    return _headed(entry, header, facility, APP + ": " if options.format not in BARE else "") + entry.payload


def _headed(entry: Entry, header: str, facility: int, tag: str) -> bytes:
    """No byte order mark follows: parsers expect the message to begin with a brace or with CEF."""
    if header == "none":
        return b""
    record = entry.record
    ts, host = str(record["ts"]), name(str(record["sensor"]["id"]), 255)
    start = priority(record["severity"], facility)
    if header == "rfc3164":
        return f"{start}{_MONTHS[int(ts[5:7])]} {int(ts[8:10]):2d} {ts[11:19]} {host} {tag}".encode()
    code = name(f"{entry.kind}.{record['action']}", 32)
    return f"{start}1 {ts} {host} {APP} - {code} - ".encode()

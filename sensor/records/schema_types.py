"""The structure of a table of traffic records: kinds of columns, and columns that several tables share."""

from __future__ import annotations

import zlib
from typing import NamedTuple

TIME = "timestamp"
TEXT = "text"
LIST = "list of text"
INT = "integer"
FLAG = "boolean"
SECONDS = "seconds"
NUMBER = "number"


class Column(NamedTuple):
    """``kind``: one of the constants above. ``ecs``: the field of the Elastic Common Schema; ``zeek``: the field of
    Zeek's log; empty if neither has it. ``derived``: computed when the table is read, and not in its files.
    """

    name: str
    kind: str
    meaning: str
    ecs: str = ""
    zeek: str = ""
    derived: bool = False


class Table(NamedTuple):
    """``zeek``: the equivalent log of Zeek; ``eve``: the event type of Suricata; ``stored``: in files of the records,
    not computed when a query needs it; ``hidden``: columns that are in its files only.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    zeek: str = ""
    eve: str = ""
    stored: bool = True
    hidden: tuple[Column, ...] = ()

    @property
    def shape(self) -> int:
        """A number for the names and types of the columns: files with the same number can be read without checking the
        columns of each. Never 0, which means unknown.
        """
        return zlib.crc32(repr([(column.name, column.kind) for column in self.in_files]).encode()) | 1

    @property
    def in_files(self) -> tuple[Column, ...]:
        """The columns of its files."""
        return tuple(column for column in self.columns if not column.derived) + self.hidden

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column | None:
        """The column with a name; None if there is none."""
        return next((column for column in self.columns if column.name == name), None)


TS = Column("ts", TIME, "start time", "@timestamp", "ts")
SENSOR = (
    Column("sensor", TEXT, "id of the sensor", "observer.name"),
    Column("site", TEXT, "site of the sensor", "observer.geo.name"),
)
ENDS = (
    Column("vlan", INT, "802.1Q VLAN, null if untagged", "network.vlan.id", "vlan"),
    Column("src_ip", TEXT, "address of the client", "source.ip", "id.orig_h"),
    Column("src_port", INT, "its port; of ICMP the type", "source.port", "id.orig_p"),
    Column(
        "src_mac",
        TEXT,
        "its MAC on the segment: that of the router if it is on another segment",
        "source.mac",
        "orig_l2_addr",
    ),
    Column("src_device", TEXT, "id of its device, null if it is not in the inventory", "source.device.id"),
    Column("dst_ip", TEXT, "address of the server", "destination.ip", "id.resp_h"),
    Column("dst_port", INT, "its port; of ICMP the code", "destination.port", "id.resp_p"),
    Column("dst_mac", TEXT, "its MAC on the segment", "destination.mac", "resp_l2_addr"),
    Column("dst_device", TEXT, "id of its device", "destination.device.id"),
    Column("proto", TEXT, "tcp, udp, icmp, or the number of the IP protocol", "network.transport", "proto"),
)
COMMON = (
    TS,
    Column("uid", INT, "id of the connection: the same in all tables", "network.session_id", "uid"),
    *SENSOR,
    *ENDS,
)

"""The messages of a time window, by class, with their fields as columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sensor.records import columns
from sensor.records.block import HEAD, Rows
from sensor.records.codes import proto_name
from sensor.records.geoip import GeoIP
from sensor.records.identity import Identity
from sensor.records.messages import MESSAGES, RUN_BITS
from sensor.records.transactions import Exchange, member

# Time to wait for an answer, ns of packet time.
WAIT = 10_000_000_000
# An id has 53 bits, which JSON readers keep exactly: this many for the flow, the rest for the run.
FLOW_BITS = 53 - RUN_BITS


class RowContext(NamedTuple):
    """Context of the rows. ``run``: number of the engine's run, part of every uid; ``geoip``: None if no database is
    configured.
    """

    sensor: str
    site: str
    run: int
    interfaces: Sequence[str]
    identity: Identity
    geoip: GeoIP | None = None


class Message(NamedTuple):
    """The messages of one class in an exchange. ``key``: what the messages of one exchange have in common; ``server``:
    the server sends them; ``when``: only those whose first field is set (True) or is not set (False).
    """

    name: str
    key: Callable[[Rows], npt.NDArray[np.uint64]]
    server: bool = False
    when: bool | None = None

    def chosen(self, rows: Rows) -> Rows:
        return rows if self.when is None else rows.take(((rows.words[:, 0] != 0) == self.when).nonzero()[0])


Waits = Callable[[Rows], npt.NDArray[np.bool_]]


class Batch:
    """Messages by class name, with their fields by name."""

    def __init__(self, messages: Mapping[str, Rows], world: RowContext, until: int) -> None:
        """``until``: exchanges that began after it may still wait for an answer (ns)."""
        self.messages, self.world, self.until = messages, world, until
        self.left: list[tuple[str, Rows]] = []

    def rows(self, name: str) -> Rows:
        """The messages of a class."""
        return self.messages.get(name) or Rows(np.zeros(0, HEAD), np.zeros((0, SHAPES[name].words), np.uint64), b"")

    def exchange(
        self, *some: Message, timed: bool = True, waits: Waits | None = None
    ) -> tuple[npt.NDArray[np.void], list[Fields]]:
        """The exchanges of these messages that can be written: heads, and the fields of each message. ``waits``: marks
        last messages after which more is expected.
        """
        parts = [one.chosen(self.rows(one.name)) for one in some]
        keys = [one.key(part) for part, one in zip(parts, some, strict=True)]
        made = Exchange(parts, keys, [one.server for one in some], timed)
        places, left = made.split(made.places(), self.until, waits(parts[-1]) if waits is not None else None)
        self.left += [(one.name, part) for part, one in zip(left, some, strict=True) if len(part)]
        return made.first(places), [
            Fields(one.name, *member(part, places[:, at]))
            for at, (part, one) in enumerate(zip(parts, some, strict=True))
        ]

    def keep(self, name: str, chosen: npt.NDArray[np.bool_]) -> None:
        """Keep some messages of a class for the next batch, unless they are too old."""
        rows = self.rows(name)
        kept = (chosen & (rows.heads["ts"] > self.until)).nonzero()[0]
        if len(kept):
            self.left.append((name, rows.take(kept)))

    def alone(self, name: str) -> Fields:
        """The messages of a class as separate rows."""
        rows = self.rows(name)
        return Fields(name, rows, np.ones(len(rows), np.bool_))

    def common(self, heads: npt.NDArray[np.void]) -> dict[str, Any]:
        """The columns that all traffic tables have."""
        world, rows = self.world, len(heads)
        made = {
            "ts": columns.times(heads["ts"]),
            "uid": uids(world.run, heads["flow"]),
            "sensor": columns.constant(world.sensor, rows),
            "vlan": columns.where(heads["vlan"] > 0, heads["vlan"].astype(np.int64)),
            "proto": columns.named(heads["proto"], proto_name),
        }
        if world.site:
            made["site"] = columns.constant(world.site, rows)
        for end, port in (("src", "sport"), ("dst", "dport")):
            places, different = columns.coded([heads[f"{end}_{name}"] for name in ("mac", "hi", "lo")])
            mac, hi, lo = different.T
            made |= {
                f"{end}_ip": columns.chosen(columns.ips(hi, lo), places),
                f"{end}_mac": columns.chosen(columns.macs(mac), places),
                f"{end}_device": columns.chosen(world.identity.devices(mac, hi, lo), places),
            }
            made[f"{end}_port"] = columns.where(PORTED[heads["proto"]], heads[port].astype(np.int64))
        return made


# By protocol number: whether connections have ports, or types of ICMP in their place.
PORTED = np.array([proto_name(number) in {"tcp", "udp", "sctp", "icmp", "ipv6-icmp"} for number in range(256)])


def uids(run: int, flows: npt.NDArray[np.uint64]) -> pa.Array:
    """Ids of connections; null for messages that belong to none, such as ARP."""
    return columns.where(
        flows > 0, (np.uint64(run << FLOW_BITS) | (flows & np.uint64((1 << FLOW_BITS) - 1))).astype(np.int64)
    )


SHAPES = {message.name: message for message in MESSAGES}


class Fields:
    """The fields of one class as columns. ``there``: whether a row has a message of this class."""

    def __init__(self, name: str, rows: Rows, there: npt.NDArray[np.bool_]) -> None:
        self.rows, self.there = rows, there
        self._places: dict[str, int] = {}
        at = 0
        for field, how in SHAPES[name].fields:
            self._places[field], at = at, at + how.words

    @property
    def ts(self) -> npt.NDArray[np.int64]:
        found: npt.NDArray[np.int64] = self.rows.heads["ts"]
        return found

    def text(self, name: str) -> pa.Array:
        return columns.texts(self.rows, self._places[name])

    def list(self, name: str) -> pa.Array:
        return columns.lists(self.rows, self._places[name])

    def words(self, name: str, second: int = 0) -> npt.NDArray[np.uint64]:
        found: npt.NDArray[np.uint64] = self.rows.words[:, self._places[name] + second]
        return found

    def number(self, name: str, second: int = 0) -> npt.NDArray[np.int64]:
        """A numeric field. For a field of two words, ``second`` 1 is the number after the list."""
        return self.words(name, second).astype(np.int64)

    def known(self, name: str, second: int = 0) -> pa.Array:
        """A numeric field; null if there is no message or the number is negative."""
        return columns.where(self.there & (self.number(name, second) >= 0), self.number(name, second))

    def named(self, name: str, what: Callable[[int], str | None], second: int = 0) -> pa.Array:
        """The name of a number; null if there is no message."""
        return pc.if_else(
            pa.array(self.there), columns.named(self.number(name, second), what).dictionary_decode(), None
        )

    def flag(self, name: str) -> pa.Array:
        return columns.where(self.there, self.number(name) != 0)

    def address(self, name: str) -> pa.Array:
        return columns.ips(self.words(name), self.words(name, 1))

    def after(self, first: Fields) -> pa.Array:
        """Seconds since another message; null if one of the two is missing."""
        return columns.where(self.there & first.there, (self.ts - first.ts) / 1e9)

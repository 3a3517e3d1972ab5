"""Country and autonomous system of addresses, from the user's databases: MaxMind DB format 2.0 with the fields of
GeoIP2, GeoLite2 and DB-IP.

Sources: https://maxmind.github.io/MaxMind-DB/, https://dev.maxmind.com/geoip/docs/databases/.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from sensor.core.bounded import Bounded
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean
from sensor.records.manifest import stamp_of

KNOWN_LIMIT, NAME_LIMIT = 100_000, 128
MOST = 512 << 20  # size limit of a database in bytes
MISSING = "needs the package maxminddb: pip install 'passive-network-sensor[geoip]'"
_COUNTRY = lazy_pattern("[A-Z]{2}")  # ISO 3166-1, two letters
# Exceptions that a damaged database causes.
DAMAGED = (LookupError, RuntimeError, TypeError, ValueError, struct.error)


class AddressLocation(NamedTuple):
    """Location of an address. ``asn``: number of its autonomous system; ``as_org``: organization of the autonomous
    system.
    """

    country: str | None = None
    asn: int | None = None
    as_org: str | None = None


KINDS = (pa.string(), pa.int64(), pa.string())


class GeoIP:
    """``paths``: of the databases; if several have a value, the first one counts. ``complain`` gets, once per version
    of a file, why it cannot be used: its columns are then null.
    """

    def __init__(self, paths: Sequence[str], complain: Callable[[str], None]) -> None:
        self._paths, self._complain = paths, complain
        self._stamps: dict[str, str] = {}
        self._readers: dict[str, Any] = {}
        self._known: Bounded[str, AddressLocation] = Bounded(KNOWN_LIMIT)

    def refresh(self) -> None:
        """Open new and replaced databases."""
        for path in self._paths:
            try:
                stamp = stamp_of(Path(path))
            except OSError as error:
                stamp = str(error.errno)
            if self._stamps.get(path) != stamp:
                self._stamps[path], self._readers[path] = stamp, self._opened(path)
                self._known.clear()

    def columns(self, end: str, ips: pa.Array) -> dict[str, pa.Array]:
        """The columns of one endpoint (``src``, ``dst``) for its addresses as text."""
        coded = ips.dictionary_encode()
        found = [self.place(ip) for ip in coded.dictionary.to_pylist()]
        return {
            f"{end}_{name}": pa.array([place[at] for place in found], kind).take(coded.indices)
            for at, (name, kind) in enumerate(zip(AddressLocation._fields, KINDS, strict=True))
        }

    def place(self, ip: str) -> AddressLocation:
        """The location of an address."""
        known = self._known.get(ip)
        if known is None:
            known = AddressLocation()
            for path, reader in self._readers.items():
                more = _place(self._record(path, reader, ip))
                known = AddressLocation._make(mine if mine is not None else more[at] for at, mine in enumerate(known))
            self._known.put(ip, known)
        return known

    def _record(self, path: str, reader: Any, ip: str) -> Any:
        if reader is None or (":" in ip and reader.metadata().ip_version == 4):
            return None
        try:
            return reader.get(ip)
        except DAMAGED as error:
            self._readers[path] = None
            self._report(path, f"damaged: {error}")
            return None

    def _opened(self, path: str) -> Any:
        """Load a database into memory: overwriting a mapped file would crash the process. None if it cannot be used."""
        try:
            import maxminddb

            if (size := Path(path).stat().st_size) > MOST:
                raise ValueError(f"{size:,} bytes, expected at most {MOST:,}")
            return maxminddb.open_database(path, maxminddb.MODE_MEMORY)
        except ImportError:
            self._report(path, MISSING)
        except OSError as error:
            self._report(path, error.strerror or str(error))
        except DAMAGED as error:
            self._report(path, f"found no database in the MaxMind DB format: {error}")
        return None

    def _report(self, path: str, why: str) -> None:
        self._complain(f"{path}: countries and autonomous systems are unknown: {clean(why, 300)}")


def _place(record: Any) -> AddressLocation:
    """The values of a record; those of an unexpected type count as unknown."""
    if not isinstance(record, Mapping):
        return AddressLocation()
    country = record.get("country")
    code = country.get("iso_code") if isinstance(country, Mapping) else None
    asn, org = record.get("autonomous_system_number"), record.get("autonomous_system_organization")
    return AddressLocation(
        code if isinstance(code, str) and _COUNTRY.fullmatch(code) else None,
        asn if type(asn) is int and 0 < asn < 1 << 32 else None,
        (clean(org, NAME_LIMIT) or None) if isinstance(org, str) else None,
    )

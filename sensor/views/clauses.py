"""Conditions on alerts beyond their groups: a text, a party, a time. Each is SQL that lists numbers of alerts, and SQL
that tests one alert.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sensor.core.addresses import parse_network
from sensor.core.ids import short_id
from sensor.views.errors import Malformed

SOURCE, TARGET = 0, 1
# No name consists of digits and dots alone.
_NEARLY = re.compile(r"[\d.]+(/.*)?")
_DEVICE = re.compile(r"dev-[0-9a-z]{4,}")
_ID = re.compile(r"alert-[0-9a-z-]*")


class Clause(NamedTuple):
    """``numbers``: a query for numbers of alerts, possibly with duplicates; ``test``: whether the alert ``a`` is one of
    them; both have the same parameters.

    ``cheap``: the test needs no other table than alerts; ``match``: the FTS5 query of a text clause, which returns the
    highest numbers first; ``spans``: whether a block ``s`` of alerts may have matches, with the same parameters.
    """

    numbers: str
    test: str
    parameters: tuple[object, ...]
    cheap: bool = False
    match: str = ""
    spans: str = ""


def text_clause(text: str) -> Clause | None:
    """All words must match, as whole words unless they end with *. Addresses, networks and ids of alerts are
    recognized. None without a word.
    """
    if _ID.fullmatch(text.strip()):
        return _range("id", text.strip(), text.strip() + "\U0010ffff", "alerts_id")
    if (clause := _of_network(text.strip(), None)) is not None:
        return clause
    terms = [term for term in text.replace("\0", " ").split() if re.search(r"\w", term)]
    if not terms:
        return None
    match = " ".join(map(_quoted, terms))
    listed = "SELECT rowid FROM alert_text WHERE alert_text MATCH ?"
    return Clause(f"{listed} ORDER BY rowid DESC", f"a.number IN ({listed})", (match,), match=match)


def _quoted(term: str) -> str:
    """A word for FTS5, with special characters quoted."""
    quoted = term.rstrip("*").replace('"', '""')
    return f'"{quoted}"*' if term.endswith("*") else f'"{quoted}"'


def who_clause(term: str, role: int | None) -> Clause:
    """A party: an address, a network, a MAC, a device or a name. ``role``: SOURCE, TARGET or None for either. Raises
    Malformed for an invalid address.
    """
    if (clause := _of_network(term, role)) is not None:
        return clause
    if _NEARLY.fullmatch(term):
        raise Malformed("address", term, "an address or a network such as 10.20.30.0/24")
    if _DEVICE.fullmatch(term):
        # A prefix of an id, or an id whose short form alerts of an earlier version have.
        return _party("(device >= ? AND device < ? OR device = ?)", (term, term + "\U0010ffff", short_id(term)), role)
    return _party("(ip = ? OR mac = ? OR device = ? OR name = ?)", (term.casefold(),) * 4, role)


def vlan_clause(vlan: int) -> Clause:
    """Alerts in a VLAN."""
    return _party("vlan = ?", (vlan,), None)


def time_clause(since: int | None, until: int | None) -> Clause | None:
    """Alerts last seen within a time range, ns; None if neither end is given."""
    if since is None and until is None:
        return None
    low, high = since if since is not None else -(1 << 63), until if until is not None else 1 << 62
    return _range("last", low, high, "alerts_last")._replace(spans="s.high >= ? AND s.low < ?")


def _range(column: str, low: object, high: object, index: str) -> Clause:
    test = f"a.{column} >= ? AND a.{column} < ?"
    listed = f"SELECT a.number FROM alerts a INDEXED BY {index} WHERE {test}"  # noqa: S608 - our own names
    return Clause(listed, test, (low, high), cheap=True)


def _of_network(term: str, role: int | None) -> Clause | None:
    try:
        first, last = parse_network(term)
    except ValueError:
        return None
    return _party("address BETWEEN ? AND ?", (first.to_bytes(16, "big"), last.to_bytes(16, "big")), role)


def _party(test: str, parameters: tuple[object, ...], role: int | None) -> Clause:
    roles = "" if role is None else f" AND e.role = {role}"
    numbers = f"SELECT e.alert FROM parties CROSS JOIN alert_parties e ON e.party = parties.number WHERE {test}{roles}"  # noqa: S608 - our own words
    one = f"EXISTS (SELECT 1 FROM alert_parties e CROSS JOIN parties ON parties.number = e.party WHERE e.alert = a.number{roles} AND {test})"  # noqa: S608
    return Clause(numbers, one, parameters)

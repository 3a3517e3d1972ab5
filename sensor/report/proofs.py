"""Packets behind claims, without duplicates, numbered in the order of their first reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sensor.core.reader import clean
from sensor.report.model import Proof

SEEN_LIMIT = 320


class Proofs:
    """``all``: in order."""

    def __init__(self) -> None:
        self.all: list[Proof] = []
        self._known: dict[tuple[str, ...], str] = {}

    def add(self, ts: str, event: str, seen: str, claim: str = "", packets: str = "") -> str:
        """Add a packet; returns its name, empty if there is nothing to show."""
        if not event and not seen:
            return ""
        key = (ts, event, seen, claim, packets)
        name = self._known.get(key)
        if name is None:
            name = self._known[key] = f"p{len(self.all) + 1}"
            self.all.append(Proof(id=name, ts=ts, event=event, seen=seen, claim=claim, packets=packets))
        return name

    def of_alert(self, proof: Mapping[str, Any], packets: str) -> str:
        """An entry of the evidence of an alert: source, destination and observation."""
        facts = proof.get("facts")
        pairs = [f"{key}: {value}" for key, value in facts.items()] if isinstance(facts, dict) else []
        ends = " → ".join(filter(None, map(_end, (proof.get("src"), proof.get("dst")))))
        seen = "; ".join(filter(None, (ends, ", ".join(pairs))))
        return self.add(_text(proof.get("ts")), _text(proof.get("event")), clean(seen, SEEN_LIMIT), packets=packets)


def packet_of(claim: Mapping[str, Any]) -> tuple[str, str, str]:
    """Time, field and value of a claim's last observation."""
    return _text(claim.get("last")), _text(claim.get("observation")), _text(claim.get("seen"))


def _end(value: Any) -> str:
    """Address and port."""
    if not isinstance(value, dict):
        return ""
    place, port = _text(value.get("ip") or value.get("mac")), value.get("port")
    return f"{place} port {port}" if isinstance(port, int) and place else place


def _text(value: Any) -> str:
    return clean(value, SEEN_LIMIT) if isinstance(value, str) else ""

"""How tickets, scores and firewall rules name a device."""

from __future__ import annotations

from sensor.core.type_labels import type_label


def device_name(place: str, name: str, kind: str) -> str:
    """``10.20.10.62 (front-door, camera)``: its address or id, and what is known of name and type."""
    words = ", ".join(filter(None, (name, "" if kind == "unknown" else type_label(kind))))
    return f"{place} ({words})" if words else place

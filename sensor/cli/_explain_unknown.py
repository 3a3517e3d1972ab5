"""``sensor explain`` for a name that the dataset does not contain: the reason, and the nearest names."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from sensor.cli._setup import complain
from sensor.cli._show import meant, part, tidy
from sensor.posture.lookup import handles

if TYPE_CHECKING:
    from sensor.eventlog.fold import Fold

NEAREST = 3


def complain_of_unknown(what: str, fold: Fold) -> None:
    """Print one line. A detection without an alert is not an unknown name."""
    from sensor.registry import names

    if what in names("sensor.detectors"):
        complain(
            f"no alert of {what} in the dataset: `sensor help {what}` describes the detection", error="alert.unknown"
        )
    elif _is_network(what):
        complain(
            f"found the network {what}, expected one address: `sensor search {what}` searches the traffic records",
            error="device.unknown",
        )
    else:
        near = _nearest(fold, what)
        complain(
            f"nothing is known about {what!r}{meant(near) or ': see `sensor devices` and `sensor alerts`'}",
            error="alert.unknown" if what.startswith(("alert-", "incident-")) else "device.unknown",
        )


def _is_network(what: str) -> bool:
    try:
        return "/" in what and bool(ipaddress.ip_network(what, strict=False))
    except ValueError:
        return False


def _nearest(fold: Fold, what: str) -> list[str]:
    """Names like a word; none for an address: others are near it, but were not meant."""
    from difflib import get_close_matches

    from sensor.views.indicators import ADDRESS, kind_of

    if kind_of(what)[0] == ADDRESS:
        return []
    names = {handle for record in fold.devices.values() for handle in handles(record)}
    for record in fold.alerts.values():
        names |= {tidy(part(record, "alert").get(name)) for name in ("detector", "id")}
    return get_close_matches(what.casefold(), sorted(filter(None, names)), NEAREST)

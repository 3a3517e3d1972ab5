"""A device for matching with vulnerabilities: its product, its firmware, and the packets that contained it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sensor.core.device_text import product_text
from sensor.core.reader import clean
from sensor.inventory.corrections import OPERATOR

Body = dict[str, Any]


class Asset(NamedTuple):
    """``proof``: evidence of packets for the firmware (none if the operator set it); ``contested``: other packets
    contain a different one.
    """

    id: str
    vendor: str = ""
    model: str = ""
    type: str = "unknown"
    os: str = ""
    firmware: str = ""
    proof: tuple[Body, ...] = ()
    contested: bool = False

    @property
    def product(self) -> str:
        """Vendor and model as one text, in which products are searched."""
        return product_text(self.vendor, self.model)

    @property
    def trouble(self) -> str:
        """Why its version cannot be used; empty if it can."""
        if not self.firmware:
            return "no packet contained its firmware version"
        if not self.proof:
            return f"firmware {self.firmware} was set by the operator, and no packet contained it"
        return f"packets contain contradictory versions of its firmware {self.firmware}" if self.contested else ""


def asset_of(device: Body, evidence: Iterable[Any] = ()) -> Asset:
    """The device of a record, with its evidence."""
    words = {name: clean(str(device.get(name) or ""), 256) for name in ("id", "vendor", "model", "os", "firmware")}
    contested = device.get("contested")
    return Asset(
        **words,
        type=clean(str(device.get("type") or "unknown"), 64),
        proof=tuple(claim for claim in evidence if isinstance(claim, dict) and _proves(claim, words["firmware"])),
        contested=isinstance(contested, list) and "firmware" in contested,
    )


def _proves(claim: Body, firmware: str) -> bool:
    """Whether a packet contained this firmware."""
    return (
        bool(firmware)
        and claim.get("attribute") == "firmware"
        and claim.get("value") == firmware
        and claim.get("family") != OPERATOR
    )

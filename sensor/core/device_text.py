"""How sentences name endpoints and devices."""

from __future__ import annotations

from sensor.core import addresses
from sensor.core.device import Device
from sensor.core.observation import Subject
from sensor.core.type_labels import type_label


def endpoint_text(subject: Subject) -> str:
    """The endpoint's address, else its MAC."""
    nameless = not subject.address or (subject.mac and subject.address == addresses.V4)
    return addresses.mac_text(subject.mac) if nameless else addresses.text(subject.address)


def device_text(device: Device | None, subject: Subject) -> str:
    """Known type, name and address of a device: ``printer PRN-3F (10.0.0.5)``; the address alone if nothing else is
    known. ``subject``: the endpoint that the sentence is about.
    """
    place = endpoint_text(subject)
    if device is None:
        return place
    name = " ".join(filter(None, (type_label(device.type) if device.type != "unknown" else "", device.label)))
    return f"{name} ({place})" if name and name != place else place


def product_text(vendor: str, model: str) -> str:
    """Vendor and model: ``HP LaserJet M479``. Many models begin with the vendor, which is then not repeated."""
    return model if model.lower().startswith(f"{vendor.lower()} ") else f"{vendor} {model}".strip()

"""Devices as table rows, with the sensor's columns or those of NetBox."""

from __future__ import annotations

from typing import Any

from sensor.core.foreign import Record, part, tidy

COLUMNS = (
    "id", "type", "vendor", "model", "firmware", "serial", "os", "software", "name", "ips", "macs", "vlan",
    "services", "owner", "criticality", "location", "note", "tags",
    "confidence", "first_seen", "last_seen", "state",
)  # fmt: skip
# The columns for NetBox's device import.
NETBOX = ("name", "role", "manufacturer", "device_type", "serial", "status", "site", "tags", "comments")
_SEVERAL = "; "


def row_of(record: Record) -> dict[str, str]:
    """A device as a row of COLUMNS."""
    device = part(record, "device")
    row = {name: _cell(device.get(name)) for name in COLUMNS}
    row["name"] = _cell(device.get("hostname"))
    attributes = part(device, "attributes")
    row |= {name: _cell(attributes.get(name)) for name in ("software", "location", "note")}
    row["state"] = "gone" if record.get("action") == "gone" else "present"
    return row


def netbox_row(record: Record, site: str) -> dict[str, str]:
    """A device as a row of NETBOX."""
    row = row_of(record)
    name = row["name"] or row["id"]
    comments = ", ".join(filter(None, (row["macs"], row["ips"], f"known to the sensor as {row['id']}")))
    return {
        "name": name,
        "role": row["type"].replace("_", "-"),
        "manufacturer": row["vendor"] or "Unknown",
        "device_type": row["model"] or "Unknown",
        "serial": row["serial"],
        "status": "offline" if row["state"] == "gone" else "active",
        "site": site,
        "tags": row["tags"].replace(_SEVERAL, ","),
        "comments": comments,
    }


def _cell(value: Any) -> str:
    return _SEVERAL.join(tidy(one) for one in value) if isinstance(value, list) else tidy(value)

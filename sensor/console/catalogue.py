"""All messages of the pages: those in templates, titles of pages and columns in code, and names of device types."""

from __future__ import annotations

from sensor.console.messages import messages_of
from sensor.console.pages.devices import COLUMNS
from sensor.console.render import FOLDER, HUB_NAV, NAV
from sensor.core.device import TYPES
from sensor.core.type_labels import type_label

TITLES = (
    "Account", "Audit log", "Cannot read or write", "Cannot write", "Internal error", "Firewall", "Health", "Help",
    "Incident", "Log in", "Logged in", "Login failed", "Mute", "Mutes", "New rules", "Not found", "Not permitted",
    "No data yet", "Not available", "Page not found", "Search", "Settings", "Invalid request", "Threat lists",
    "Uploads", "Users",
)  # fmt: skip


def all_messages() -> list[str]:
    """All messages in the order of the templates, without duplicates."""
    found = [one for path in sorted(FOLDER.glob("*.jinja")) for one in messages_of(path.read_text(encoding="utf-8"))]
    names = (name for _, name in (*NAV, *HUB_NAV))
    return list(dict.fromkeys((*found, *names, *COLUMNS.values(), *TITLES, *map(type_label, TYPES))))

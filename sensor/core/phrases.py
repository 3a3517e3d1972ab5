"""Parts of sentences."""

from __future__ import annotations


def counted(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: ``1 device``, ``2,300 devices``."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


def some(items: list[str], most: int = 5) -> str:
    """The first few of a list, and the number of others."""
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")


def segment_text(name: str) -> str:
    """A segment for readers: ``vlan 20`` → ``VLAN 20``, networks as they are."""
    return f"VLAN {name[5:]}" if name.startswith("vlan ") else name

"""Listings of files in the pages for developers: a marker names the file, and the block below it holds its text."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = Path(__file__).parent / "develop"
MARKER = re.compile(r"(<!-- file: (\S+) -->\n```(\w+)\n).*?^```$", re.DOTALL | re.MULTILINE)


def listings() -> dict[Path, str]:
    """Every page for developers, with its listings updated from the files."""
    return {path: refreshed(path.read_text(encoding="utf-8")) for path in sorted(PAGES.glob("*.md"))}


def refreshed(text: str) -> str:
    """The page with every marked block replaced. OSError if a file is missing."""
    return MARKER.sub(lambda found: f"{found[1]}{_text(found[2])}```", text)


def _text(name: str) -> str:
    text = (ROOT / name).read_text(encoding="utf-8")
    if "```" in text:
        raise ValueError(f"{name} contains a fence, which would end its listing")
    return text

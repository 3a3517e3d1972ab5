"""Cells of CSV. Spreadsheets evaluate text that begins like a formula (OWASP, CSV injection), and peers write some of
it: names, URLs, user agents.
"""

from __future__ import annotations

# Characters that begin a formula; the last four are full-width.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def safe(text: str) -> str:
    """A cell that no spreadsheet evaluates: an apostrophe is put in front of a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def plain(text: str) -> str:
    """The original text of a cell made by ``safe``."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text

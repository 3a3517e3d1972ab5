"""Colors of text output: on terminals only."""

from __future__ import annotations

import os
from typing import TextIO

# Styles of severities, and of output states.
STYLES = {"low": "cyan", "medium": "yellow", "high": "red", "critical": "bold red"}
STATE_STYLES = {"stalled": "red", "waiting": "yellow"}
# Select Graphic Rendition (ECMA-48, 8.3.117) of the styles.
CODES = {"dim": "2", "bold": "1", "cyan": "36", "yellow": "33", "red": "31", "bold red": "1;31"}


def coloured(out: TextIO) -> bool:
    """Whether to use colors: on a terminal that supports them, unless NO_COLOR is set (no-color.org)."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, style: str, colours: bool) -> str:
    """Text in a style of CODES."""
    return f"\033[{CODES[style]}m{text}\033[0m" if colours and style in CODES else text

"""What tests of the documentation share: the pages, and their contents."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from docs._markdown import anchor

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def name_of(path: Path) -> str:
    return str(path.relative_to(DOCS))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def shown(path: Path, language: str) -> list[str]:
    """The code blocks of a page in a language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text_of(path), re.DOTALL | re.MULTILINE)
    return [text for name, text in blocks if name == language]


def commands_of(path: Path) -> list[list[str]]:
    """Every `sensor` command in the code blocks of a page, as arguments without ``sensor``."""
    lines = [line for block in shown(path, "sh") for line in block.replace("\\\n", " ").splitlines()]
    return [
        ours
        for line in lines
        for part in _parts(shlex.split(re.sub(r"\$\([^)]*\)", "X", line), comments=True))
        if (ours := _ours(part))
    ]


def mentions_of(path: Path) -> list[list[str]]:
    """Every `sensor` command in the prose of a page, which may omit required arguments."""
    prose = re.sub(r"^```.*?^```", "", text_of(path), flags=re.DOTALL | re.MULTILINE)
    return [arguments.split()[1:] for arguments in re.findall(r"`(sensor [a-z][^`]*)`", prose)]


def _parts(arguments: list[str]) -> list[list[str]]:
    """The commands of a line, split at pipes and operators; redirections are removed."""
    parts: list[list[str]] = [[]]
    arguments = arguments[: arguments.index(">")] if ">" in arguments else arguments
    for word in arguments:
        if word in ("|", "&&", ";"):
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _ours(arguments: list[str]) -> list[str]:
    return arguments[arguments.index("sensor") + 1 :] if "sensor" in arguments[:2] else []


def anchors_of(path: Path) -> set[str]:
    """Anchors of a page that links may name."""
    prose = re.sub(r"^```.*?^```", "", text_of(path), flags=re.DOTALL | re.MULTILINE)
    return {anchor(re.sub(r"`", "", heading)) for heading in re.findall(r"^#+ (.*)$", prose, re.MULTILINE)}


def links_of(path: Path) -> list[str]:
    """Links to files of the project."""
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", text_of(path), flags=re.DOTALL | re.MULTILINE)
    return [link for link in re.findall(r"(?<!\\)\]\(([^)\s]+)\)", prose) if "://" not in link]

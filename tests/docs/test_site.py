"""mkdocs.yml: every page is in the navigation, links are checked strictly, and no page requests another host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from tests.docs.pages import DOCS, PAGES, name_of

SITE = yaml.safe_load((DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8"))
SECTIONS = [
    "Home",
    "Get started",
    "Mirror ports",
    "Understand",
    "Investigate",
    "Improve",
    "Deliver",
    "Operate",
    "Recipes",
    "Reference",
    "Develop",
]


def leaves(entries: list[dict[str, Any]]) -> Iterator[str]:
    for entry in entries:
        for below in entry.values():
            yield from [below] if isinstance(below, str) else leaves(below)


def test_every_page_is_in_the_navigation_once() -> None:
    assert sorted(leaves(SITE["nav"])) == sorted(map(name_of, PAGES))
    assert [name for entry in SITE["nav"] for name in entry] == SECTIONS


def test_faults_of_links_are_errors() -> None:
    assert SITE["strict"] is True
    assert set(SITE["validation"]["links"].values()) == {"warn"}


def test_pages_need_no_other_host() -> None:
    """Fonts and search are part of the site."""
    assert SITE["theme"]["font"] is False
    assert SITE["plugins"] == ["search"]
    assert not {"extra_css", "extra_javascript"} & SITE.keys()

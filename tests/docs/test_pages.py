"""The pages: examples work unchanged, and links have a target."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from sensor.budget import Budget
from sensor.cli.main import _parsed, names, parser
from sensor.config_values import values
from sensor.records.hunt_tests import run_test
from sensor.records.hunts_library import hunt
from tests.docs.pages import DOCS, PAGES, anchors_of, commands_of, links_of, mentions_of, name_of, shown

COMMANDS = sorted({(name_of(path), tuple(arguments)) for path in PAGES for arguments in commands_of(path)})
DOCUMENTS = [(name_of(path), text) for path in PAGES for text in shown(path, "yaml")]
HUNTS = [(page, text) for page, text in DOCUMENTS if "\nsql:" in text]
CONFIGURATIONS = [one for one in DOCUMENTS if one not in HUNTS]


def test_commands_are_understood() -> None:
    """Each command exists and accepts its arguments."""
    assert [" ".join((page, *arguments)) for page, arguments in COMMANDS if not understood(arguments)] == []


def understood(arguments: tuple[str, ...]) -> bool:
    """Errors of the parser are on standard error."""
    try:
        return bool(_parsed(parser(arguments[:1]), arguments).main)
    except SystemExit:
        return False


def test_commands_that_are_mentioned_are_there() -> None:
    """Commands and options in prose exist; other arguments may be omitted."""
    mentioned = [(name_of(path), name, arguments) for path in PAGES for name, *arguments in mentions_of(path)]
    assert len(mentioned) > 100
    assert [(page, name) for page, name, _ in mentioned if name not in names()] == []
    known = {name: subparser(name)._option_string_actions for _, name, _ in mentioned}
    options = [(page, name, word) for page, name, arguments in mentioned for word in arguments if word.startswith("-")]
    assert options
    assert [one for one in options if one[2].partition("=")[0] not in known[one[1]]] == []


def subparser(name: str) -> argparse.ArgumentParser:
    """The parser of one command."""
    below = next(action for action in parser([name])._actions if isinstance(action, argparse._SubParsersAction))
    made: argparse.ArgumentParser = below.choices[name]
    return made


@pytest.mark.parametrize(("page", "text"), CONFIGURATIONS)
def test_a_configuration_can_be_loaded(page: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "sensor.yaml"
    path.write_text(text, encoding="utf-8")
    assert values(path, everything=False)


@pytest.mark.parametrize(("page", "text"), HUNTS)
def test_a_hunt_passes_its_tests(page: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "shown.yaml").write_text(text, encoding="utf-8")
    shown_hunt = hunt(tmp_path / "shown.yaml")
    assert shown_hunt.tests
    assert [len(run_test("shown", shown_hunt, test)) for test in shown_hunt.tests] == [
        test.alerts for test in shown_hunt.tests
    ]


def test_links_lead_somewhere() -> None:
    """Links lead to a file of the project, and to a heading in it if one is named."""
    links = [(path, link) for path in PAGES for link in links_of(path)]
    assert len(links) > 100
    assert [(name_of(path), link) for path, link in links if not leads_somewhere(path, link)] == []


def leads_somewhere(path: Path, link: str) -> bool:
    file, _, heading = link.partition("#")
    there = (path.parent / file).resolve() if file else path
    return there.exists() and (not heading or f"#{heading}" in anchors_of(there))


def test_tables_are_whole() -> None:
    """Each row has as many cells as the header: a bar in a cell would split it."""
    tables = [(name_of(path), table) for path in PAGES for table in tables_of(path)]
    assert len(tables) > 50
    assert [(page, table[0]) for page, table in tables if len({cells(row) for row in table}) > 1] == []


def tables_of(path: Path) -> list[list[str]]:
    """The rows of each table of a page."""
    prose = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [table.splitlines() for table in re.findall(r"(?:^\|.*\|\n)+", prose, re.MULTILINE)]


def cells(row: str) -> int:
    return len(re.split(r"(?<!\\)\|", row))


def test_every_page_is_in_the_table_of_contents() -> None:
    """A page that no other links to cannot be found."""
    reported = {(DOCS / link.partition("#")[0]).resolve() for link in links_of(DOCS / "README.md")}
    assert {path.resolve() for path in PAGES} - reported == {DOCS / "README.md"}


def test_figures_of_the_guide_are_those_that_were_measured() -> None:
    """The guide's measurements are those of performance.md, which has the method; there thousands are written as k."""
    figures = re.findall(
        r"\b(\d+),000 packets/s|\b(\d+ %) of", (DOCS / "operate" / "sizing.md").read_text(encoding="utf-8")
    )
    readme = (DOCS / "operate" / "performance.md").read_text(encoding="utf-8")
    assert len(figures) >= 3
    assert [figure for thousands, figure in figures if figure and figure not in readme] == []
    assert [thousands for thousands, _ in figures if thousands and f"{thousands} k packets/s" not in readme] == []


def test_devices_that_fit_are_those_of_the_budget() -> None:
    """As many devices as the guide states fit, and not many more."""
    reported = re.findall(
        r"([\d,]+) MiB(?: \w+ \w+)? for ([\d,]+)", (DOCS / "operate" / "sizing.md").read_text(encoding="utf-8")
    )
    assert [mib for mib, _ in reported] == ["256", "512", "1,024"]
    for mib, devices in reported:
        assert number(devices) <= Budget.of(number(mib)).devices < 1.1 * number(devices)


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_there_is_something_to_try() -> None:
    """The tests above have pages to check."""
    assert len(COMMANDS) > 100
    assert len(CONFIGURATIONS) >= 4

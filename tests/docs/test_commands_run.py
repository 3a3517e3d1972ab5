"""Commands on the pages run unchanged on the office dataset; each that cannot run here has a reason."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensor.cli.main import main
from tests.docs.pages import DOCS, PAGES, commands_of, name_of, shown, text_of

pytestmark = pytest.mark.usefixtures("queries_within")

ROOT = Path(__file__).parents[2]
OFFICE, LISTED = ROOT / "pcaps" / "office.pcapng", ROOT / "pcaps" / "office.intel.txt"
# Prefixes of commands that are not run: what they need is not here, and another test covers them.
ELSEWHERE = {
    "a live interface: tests/cli/test_run.py, test_doctor.py": (("run",), ("doctor", "-i"), ("tail", "-f"), ("top",)),
    "standard input: tests/cli/test_replay.py": (("replay", "-"), ("replay", "--events")),
    "a server: tests/console": (("console",),),
    "a hub with its servers: tests/hub": (("hub",), ("join",)),
    "a terminal to ask at, or the folders of a service: tests/cli/test_config.py, test_service.py": (
        ("config", "init"), ("config", "check", "/etc/sensor/sensor.yaml"),
    ),
    "the internet: tests/cli/test_intel.py, test_vulns.py": (
        ("intel", "add", "https:"), ("intel", "update"), ("vulns", "import"), ("vulns", "update"),
    ),
    "destinations: tests/cli/test_outputs.py, test_tickets_send.py": (("outputs",), ("tickets", "send")),
    "/mnt, /var/lib: tests/docs/test_operations.py, tests/cli/test_report.py": (
        ("backup",), ("restore",), ("report", "--period", "7d"),
        ("report", "--period", "2026-11", "-o", "november.html"),
        ("report", "--period", "2026-11", "-o", "november.pdf"),
    ),
    "root, and a hub: tests/upgrades, tests/hub/test_upgrade.py": (("upgrade",),),
    "fingerprints of the reader: tests/cli/test_fingerprints.py": (("fingerprints", "test", "site/"),),
}  # fmt: skip
# Commands with another exit code than 0 on the office, and the reason.
CODES = {
    ("status",): {1},  # no live sensor runs
    ("search",): {0, 1},  # addresses and names of other networks
    ("records", "top"): {0, 1},
    ("hunt", "run"): {0, 1},  # 1: nothing found
    ("tickets", "show"): {0, 1},
    ("profiles", "check"): {0, 1},
    ("devices", "front-door"): {0, 1},
    ("posture", "trend"): {0, 1, 6},
}
# What a command needs, because the case of the page that does it may not be selected.
BEFORE = {
    ("posture", "trend"): ("posture", "record"),
    ("intel", "check"): ("intel", "add", "new-feed.txt"),
    ("devices", "undo"): ("devices", "merge", "10.20.10.121", "10.20.10.122"),
}
COMMANDS = sorted(
    {
        tuple(arguments)
        for path in PAGES
        if not name_of(path).startswith("reference/")
        for arguments in commands_of(path)
    }
)


def begins(arguments: tuple[str, ...], start: tuple[str, ...]) -> bool:
    return len(arguments) >= len(start) and all(
        word.startswith(part) for word, part in zip(arguments, start, strict=False)
    )


def reason(arguments: tuple[str, ...]) -> str:
    """Why a command is not run here; empty if it is."""
    return next((why for why, starts in ELSEWHERE.items() if any(begins(arguments, start) for start in starts)), "")


RUN = [arguments for arguments in COMMANDS if not reason(arguments)]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the files that the pages name, and a state folder with the replayed office."""
    place = tmp_path_factory.mktemp("pages")
    (place / "pcaps").mkdir()
    for name in ("pcaps/office.pcapng", "office.pcap", "capture.pcapng"):
        shutil.copy(OFFICE, place / name)
    shutil.copy(LISTED, place / "pcaps")
    for page, name in (("develop/rule.md", "camera_upload.yaml"), ("investigate/rules.md", "ours.yaml")):
        (place / name).write_text(shown(DOCS / page, "yml")[0])
    (place / "sensor.yaml").write_text("preset: balanced\n")
    (place / "partners.txt").write_text("198.51.100.7\n")
    (place / "new-feed.txt").write_text("203.0.113.66\n")
    (place / "changed.yaml").write_text("preset: quiet\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("SENSOR_STATE", str(place / "state"))
        assert ran("replay", "pcaps/office.pcapng", "--intel", "pcaps/office.intel.txt") == 0
        assert ran("profiles", "make", "10.20.10.62", "-o", "camera.json") == 0
        scores = printed("posture")[1] + printed("posture", "device", "10.20.10.62")[1]
        (place / "scores.txt").write_text("\n".join(scores))  # before commands of the pages make changes
        yield place


@pytest.fixture(autouse=True)
def place(office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(office)
    monkeypatch.setenv("SENSOR_STATE", str(office / "state"))


def ran(*arguments: str) -> int:
    return printed(*arguments)[0]


def printed(*arguments: str) -> tuple[int, list[str]]:
    """The exit code, and the lines of standard output."""
    raw = io.BytesIO()
    with (
        contextlib.redirect_stdout(io.TextIOWrapper(raw, encoding="utf-8")) as out,
        contextlib.redirect_stderr(io.StringIO()),
    ):
        code = main(arguments)
        out.flush()
    return code, raw.getvalue().decode().splitlines()


@pytest.mark.parametrize("arguments", RUN, ids=" ".join)
def test_a_command_runs(arguments: tuple[str, ...]) -> None:
    codes = next((codes for start, codes in CODES.items() if begins(arguments, start)), {0})
    for start, needed in BEFORE.items():
        if begins(arguments, start):
            assert ran(*needed) == 0
    assert ran(*arguments) in codes


def test_scores_on_the_page_are_those_of_the_office(office: Path) -> None:
    """`sensor posture` prints each line of its samples, except those of the trend, which needs days."""
    there = [line.split() for line in (office / "scores.txt").read_text().splitlines()]
    samples = "".join(shown(DOCS / "improve" / "scores.md", "")[:3]).splitlines()
    assert len(samples) > 12
    assert [line for line in samples if line.split() not in there] == []


def test_what_is_not_run_is_on_a_page() -> None:
    """Each reason belongs to a command on a page."""
    assert [
        start
        for starts in ELSEWHERE.values()
        for start in starts
        if not any(begins(arguments, start) for arguments in COMMANDS)
    ] == []
    assert len(RUN) > 70


def rules_on(path: Path) -> list[str]:
    return [text for text in shown(path, "yml") if text.startswith("rules:")]


@pytest.mark.parametrize("path", [path for path in PAGES if rules_on(path)], ids=name_of)
def test_rules_on_a_page_pass_their_tests(path: Path, tmp_path: Path) -> None:
    """Every block of rules passes its own tests."""
    texts, codes = rules_on(path), []
    for number, text in enumerate(texts):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        codes.append(ran("rules", "test", str(file), "--state", str(tmp_path / "state")))
    assert codes == [0] * len(texts) != []


def test_every_output_has_a_page_with_a_configuration() -> None:
    from sensor.delivery.catalogue import types

    pages = {path.stem: path for path in (DOCS / "deliver").glob("*.md") if path.stem != "outputs"}
    assert sorted(pages) == sorted(types())
    for kind, path in pages.items():
        assert re.search(rf"type: {kind}\b", "".join(shown(path, "yaml"))), kind
        assert f"configuration.md#{kind}" in text_of(path)


def test_listings_are_the_files() -> None:
    """If not: python -m docs.generate."""
    from docs._listings import listings

    assert [str(path) for path, text in listings().items() if text != text_of(path)] == []
    assert sum("<!-- file: " in text for text in listings().values()) >= 6

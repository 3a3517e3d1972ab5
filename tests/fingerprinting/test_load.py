"""Loading of fingerprints: faults are reported with their place; those in shipped files are fatal."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sensor.documents import DocumentErrors
from sensor.fingerprinting import load
from sensor.fingerprinting.load import load_knowledge
from sensor.fingerprinting.match import Matcher
from tests.golden import Golden

GOOD = """\
observation: [dhcp.hostname]
family: hostname
certainty: {type: 0.5, vendor: 0.5}
fingerprints:
  - {id: site.printers, match: {regex: '^PRN-(?P<floor>[0-9])'}, assert: {type: printer, vendor: HP}, examples: [PRN-3]}
"""
REGEX = "regex: '^PRN-(?P<floor>[0-9])'"


def faults(folder: Path, text: str) -> list[str]:
    (folder / "site.yaml").write_text(text)
    knowledge = load_knowledge([folder])
    assert not [fingerprint for fingerprint in knowledge.fingerprints if Path(fingerprint.path).parent == folder]
    return [str(fault).removeprefix(f"{folder}/") for fault in knowledge.faults]


def test_operators_fingerprints(tmp_path: Path) -> None:
    """An operator's fingerprint is used in addition to the shipped ones."""
    (tmp_path / "site.yaml").write_text(GOOD)
    knowledge = load_knowledge([tmp_path])
    assert knowledge.faults == []
    assert ("type", "printer", 0.5, "site.printers", "hostname") in Matcher(knowledge).match(
        "dhcp.hostname", "PRN-3-EAST"
    )


def test_either_suffix_and_no_files_of_editors(tmp_path: Path) -> None:
    """Files of subfolders are read too; a lock of an editor, a link to nowhere, is no fault."""
    (tmp_path / "floor").mkdir()
    (tmp_path / "floor" / "site.yml").write_text(GOOD)
    (tmp_path / ".#site.yaml").symlink_to("nowhere")
    knowledge = load_knowledge([tmp_path])
    assert knowledge.faults == []
    assert Matcher(knowledge).match("dhcp.hostname", "PRN-3-EAST")


def test_an_operator_s_vocabulary(tmp_path: Path) -> None:
    """An operator's vocabulary adds words."""
    (tmp_path / "vocabulary.yaml").write_text("vendors: {Acme: [ACME Corp]}\n")
    (tmp_path / "site.yaml").write_text(GOOD.replace("vendor: HP", "vendor: Acme"))
    knowledge = load_knowledge([tmp_path])
    assert knowledge.faults == []
    assert ("vendor", "Acme", 0.5, "site.printers", "hostname") in Matcher(knowledge).match("dhcp.hostname", "PRN-3")


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("type: printer", "type: priter", "5:5"),
        ("vendor: HP}, e", "vendro: HP}, e", "5:90"),
        ("family: hostname", "family: hostnam", "2:9"),
        ("dhcp.hostname", "dhcp.hostnam", "1:15"),
        (", examples: [PRN-3]", "", "5:5"),
        ("examples", "exampels", "5:103"),
        ("id: site.printers", "id: site", "5:10"),
        ("id: site.printers", "id: hostname.default.hp_npi", (
            "5:10"
        )),
        ("5, vendor: 0.5}", "5}", (
            "1:1"
        )),
        ("type: 0.5", "type: 1.5", "3:19"),
        (REGEX, "regex: '^PRN-('", "5:40"),
        (REGEX, "regex: '^PRN', prefix: PRN", "5:32"),
        (REGEX, "prefix: ''", "5:32"),
        ("vendor: HP", "vendor: '{flor}'", (
            "5:98"
        )),
        (REGEX, "domain: '*.example.com'", "5:32"),
    ],
)  # fmt: skip
def test_faults(golden: Golden, tmp_path: Path, old: str, new: str, place: str) -> None:
    """Each fault of an operator's file is reported with its place and the nearest word; the file is skipped and the
    rest loads.
    """
    assert old in GOOD
    (reported,) = faults(tmp_path, GOOD.replace(old, new))
    assert reported.startswith(f"site.yaml:{place}: ")
    golden(reported.partition(" (first in ")[0])


def test_one_broken_file_of_two(tmp_path: Path) -> None:
    """A faulty file does not affect the others."""
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text("nothing: here\n")
    knowledge = load_knowledge([tmp_path])
    assert "site.printers" in {fingerprint.id for fingerprint in knowledge.fingerprints}
    assert {fault.path.name for fault in knowledge.faults} == {"bad.yaml"}


def test_missing_folder(golden: Golden, tmp_path: Path) -> None:
    """A missing folder is a fault, not a crash."""
    golden([str(fault) for fault in load_knowledge([tmp_path / "no"]).faults])


def test_our_own_fault_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in a shipped file raises an error."""
    (tmp_path / "vocabulary.yaml").write_text((load.own_folder() / "vocabulary.yaml").read_text())
    (tmp_path / "site.yaml").write_text(GOOD.replace("type: printer", "type: priter"))
    monkeypatch.setattr(load, "own_folder", lambda: tmp_path)
    with pytest.raises(DocumentErrors, match="priter"):
        load_knowledge()


def test_loads_quickly() -> None:
    """All shipped fingerprints load in a fraction of a second."""
    best = min(_timed() for _ in range(3))
    assert best < 0.5


def _timed() -> float:
    started = time.thread_time()
    load_knowledge()
    return time.thread_time() - started

"""Rule files: faults are reported with file, line and column, and do not affect other rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.rules.load import load_rules
from tests.golden import Golden
from tests.rules.written import write

GOOD = "  - id: good\n    title: A good one\n    when: dns.query\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("  - id: bad\n    title: Bad\n    when: dns.qery\n", "5:11"),
        ("  - id: bad\n    title: Bad\n    when: [dns.query, dns.respons]\n", "5:23"),
        ("  - id: bad\n    title: Bad\n    when: [dns.query, flow.new]\n", "5:11"),
        ("  - id: bad\n    titel: x\n    title: Bad\n    when: dns.query\n", "4:5"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    where: {nam: x}\n", "6:13"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    unless:\n      src.typ: x\n", "7:7"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    any: [{name: x}, {type: [1, x, y]}]\n", "6:33"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    where: {name: {ending: x}}\n", "6:20"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    where: {src: [10.0.0.1, 10.0.0.300]}\n", "6:29"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    by: sr\n    count: 3\n    within: 5m\n", "6:9"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    count: 3\n    within: 5 minutes\n", "7:13"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    count: 3\n    within: 30d\n", "7:13"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    count: 3\n", "3:5"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    distinct: name\n", "3:5"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    count: 2\n    within: 5m\n    distinct: nam\n", "8:15"),
        ("  - id: bad\n    title: Bad\n", "3:5"),
        ("  - id: bad\n    title: Bad\n    within: 5m\n    sequence: [{when: dns.query}]\n", "3:5"),
        (
            (
                "  - id: bad\n    title: Bad\n    within: 5m\n    sequence:\n      - when: dns.query\n      - "
                "{when: flow.new, where: {dst.prt: 5}}\n"
            ),
            "8:34",
        ),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    summary: '{src} asks {nme}'\n", "6:14"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    attack: [T1071.44]\n", "6:13"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    severity: hi\n", "6:15"),
        ("  - id: Bad\n    title: Bad\n    when: dns.query\n", "3:9"),
        ("  - id: good\n    title: Again\n    when: dns.query\n", "3:9"),
        ("  - just words\n", "3:5"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    where: {src.type: [printer, camara]}\n", "6:33"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    where: {direction: {not: sideways}}\n", "6:30"),
        ("  - id: bad\n    title: Bad\n    when: flow.new\n    where: {proto: tls}\n", "6:20"),
        ("  - id: bad\n    title: Bad\n    when: flow.ended\n    where: {reason: timeout}\n", "6:21"),
        ("  - id: bad\n    title: Bad\n    when: flow.new\n    where: {dst.port: internal}\n", "6:23"),
        ("  - id: bad\n    title: Bad\n    when: flow.new\n    where: {dst.port: [443, 70000]}\n", "6:29"),
        ("  - id: bad\n    title: Bad\n    when: flow.new\n    where: {hour: {above: 24}}\n", "6:27"),
        (
            (
                "  - id: bad\n    title: Bad\n    within: 5m\n    by: src\n    sequence:\n      - when: dns.query\n"
                "      - {when: dns.query, by: [src, dst]}\n"
            ),
            "9:31",
        ),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    where: {src.role: gatewya}\n", "6:23"),
        (
            "  - id: bad\n    title: Bad\n    when: dns.query\n    where: {dst.service: {is: [ssh/22, shh/22]}}\n",
            "6:40",
        ),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    where: {dst.service: {not: ssh}}\n", "6:32"),
        ("  - id: bad\n    title: Bad\n    when: device.changed\n    where: {changed: [vendor, frimware]}\n", "6:31"),
    ],
)
def test_one_that_makes_no_sense_is_reported_and_the_others_go_on(
    golden: Golden, tmp_path: Path, text: str, place: str
) -> None:
    """The error has its position; the rules before and after it are loaded."""
    last = GOOD.replace("good", "last")
    before, behind = ("", "") if "id: good" not in text else (GOOD, "")
    lines = f"sets: {{}}\nrules:\n{text}{last}{behind}" if not before else f"rules:\n{before}{text}{last}"
    rules, faults = load_rules([write(tmp_path, lines)])
    assert "last" in [one.rule.id for one in rules]
    [fault] = faults
    if not before:
        assert f"{fault.line}:{fault.column}" == place
    golden(fault.message)


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    """Faults of every condition of every step are reported."""
    text = (
        "rules:\n  - id: bad\n    title: Bad\n    when: dns.query\n    where: {nam: x, src: '1.1'}\n    "
        "unless: {typ: 5}\n"
    )
    _, faults = load_rules([write(tmp_path, text)])
    assert [fault.line for fault in faults] == [5, 5, 6]


def test_a_file_that_cannot_be_read_never_stops_the_others(tmp_path: Path) -> None:
    """Invalid YAML, an unknown top-level key, a missing file."""
    write(tmp_path, "rules:\n" + GOOD, "a.yaml")
    write(tmp_path, "rules: [\n", "b.yaml")
    write(tmp_path, "ruls: []\n" + "rules:\n" + GOOD.replace("good", "other"), "c.yaml")
    rules, faults = load_rules([tmp_path, tmp_path / "none.yaml"])
    assert [one.rule.id for one in rules] == ["good"]
    assert sorted({fault.path.name for fault in faults}) == ["b.yaml", "c.yaml", "none.yaml"]


def test_either_suffix_and_no_files_of_editors(tmp_path: Path) -> None:
    """A lock of an editor, a link to nowhere, is no fault."""
    write(tmp_path, "rules:\n" + GOOD, "ours.yml")
    (tmp_path / ".#ours.yml").symlink_to("nowhere")
    rules, faults = load_rules([tmp_path])
    assert ([one.rule.id for one in rules], faults) == (["good"], [])


def test_a_rule_of_the_same_id_in_another_file(tmp_path: Path) -> None:
    """The first one counts; a folder that is given twice counts once."""
    first = write(tmp_path, "rules:\n" + GOOD, "a.yaml")
    write(tmp_path, "rules:\n" + GOOD, "b.yaml")
    rules, [fault] = load_rules([tmp_path, tmp_path])
    assert [one.path for one in rules] == [first]
    assert str(first) in fault.message


def test_the_former_key_of_the_summary_is_read(tmp_path: Path) -> None:
    """Rules of earlier versions have `says`; an unknown field in it is reported with the rule."""
    text = "rules:\n  - {id: old, title: A query, when: dns.query, says: '{src} queried {name}'}\n"
    [loaded], faults = load_rules([write(tmp_path, text)])
    assert (loaded.rule.summary, faults) == ("{src} queried {name}", [])
    _, [fault] = load_rules([write(tmp_path, text.replace("{name}", "{nme}"))])
    assert fault.line == 2

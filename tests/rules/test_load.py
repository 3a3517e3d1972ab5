"""Rules as people write them: what is wrong is told with file, line and column, and the others go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.rules.load import load_rules
from tests.rules.written import write

GOOD = "  - id: good\n    title: A good one\n    when: dns.query\n"


@pytest.mark.parametrize(
    ("text", "place", "messages"),
    [
        ("  - id: bad\n    title: Bad\n    when: dns.qery\n", "5:11", "did you mean 'dns.query'?"),
        ("  - id: bad\n    title: Bad\n    when: [dns.query, dns.respons]\n", "5:23", "did you mean 'dns.response'?"),
        ("  - id: bad\n    title: Bad\n    when: [dns.query, flow.new]\n", "5:11", "expected one category"),
        ("  - id: bad\n    titel: x\n    title: Bad\n    when: dns.query\n", "4:5", "did you mean 'title'?"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    where: {nam: x}\n", "6:13", "did you mean 'name'?"),
        (
            "  - id: bad\n    title: Bad\n    when: dns.query\n    unless:\n      src.typ: x\n",
            "7:7",
            "did you mean 'src.type'?",
        ),
        (
            "  - id: bad\n    title: Bad\n    when: dns.query\n    any: [{name: x}, {type: [1, x, y]}]\n",
            "6:33",
            "expected an address",
        ),
        (
            "  - id: bad\n    title: Bad\n    when: dns.query\n    where: {name: {ending: x}}\n",
            "6:20",
            "did you mean 'ends'?",
        ),
        (
            "  - id: bad\n    title: Bad\n    when: dns.query\n    where: {src: [10.0.0.1, 10.0.0.300]}\n",
            "6:29",
            "expected an address, a block",
        ),
        (
            "  - id: bad\n    title: Bad\n    when: dns.query\n    by: sr\n    count: 3\n    within: 5m\n",
            "6:9",
            "did you mean 'src'?",
        ),
        (
            "  - id: bad\n    title: Bad\n    when: dns.query\n    count: 3\n    within: 5 minutes\n",
            "7:13",
            "expected a span such as 90s",
        ),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    count: 3\n    within: 30d\n", "7:13", "from 1s to 7d"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    count: 3\n", "3:5", "needs within"),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    distinct: name\n", "3:5", "counts nothing"),
        (
            "  - id: bad\n    title: Bad\n    when: dns.query\n    count: 2\n    within: 5m\n    distinct: nam\n",
            "8:15",
            "did you mean 'name'?",
        ),
        ("  - id: bad\n    title: Bad\n", "3:5", "needs either when or a sequence"),
        ("  - id: bad\n    title: Bad\n    within: 5m\n    sequence: [{when: dns.query}]\n", "3:5", "needs two steps"),
        (
            (
                "  - id: bad\n    title: Bad\n    within: 5m\n    sequence:\n      - when: dns.query\n      - "
                "{when: flow.new, where: {dst.prt: 5}}\n"
            ),
            "8:34",
            "did you mean 'dst.port'?",
        ),
        (
            "  - id: bad\n    title: Bad\n    when: dns.query\n    says: '{src} asks {nme}'\n",
            "6:11",
            "did you mean 'name'?",
        ),
        (
            "  - id: bad\n    title: Bad\n    when: dns.query\n    attack: [T1071.44]\n",
            "6:13",
            "found the technique 'T1071.44'",
        ),
        ("  - id: bad\n    title: Bad\n    when: dns.query\n    severity: hi\n", "6:15", "expected one of info, low"),
        ("  - id: Bad\n    title: Bad\n    when: dns.query\n", "3:9", "found 'Bad'"),
        ("  - id: good\n    title: Again\n    when: dns.query\n", "3:9", "a second time"),
        ("  - just words\n", "3:5", "found 'just words'"),
    ],
)
def test_one_that_makes_no_sense_is_reported_and_the_others_go_on(
    tmp_path: Path, text: str, place: str, messages: str
) -> None:
    """At its place; the rules before and behind it are loaded."""
    last = GOOD.replace("good", "last")
    before, behind = ("", "") if "a second time" not in messages else (GOOD, "")
    lines = f"sets: {{}}\nrules:\n{text}{last}{behind}" if not before else f"rules:\n{before}{text}{last}"
    rules, faults = load_rules([write(tmp_path, lines)])
    assert "last" in [one.rule.id for one in rules]
    [fault] = faults
    if not before:
        assert f"{fault.line}:{fault.column}" == place
    assert messages in fault.message


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    """Every condition of every step."""
    text = (
        "rules:\n  - id: bad\n    title: Bad\n    when: dns.query\n    where: {nam: x, src: '1.1'}\n    "
        "unless: {typ: 5}\n"
    )
    _, faults = load_rules([write(tmp_path, text)])
    assert [fault.line for fault in faults] == [5, 5, 6]


def test_a_file_that_cannot_be_read_never_stops_the_others(tmp_path: Path) -> None:
    """Not YAML, an unknown key above, a file that is not there."""
    write(tmp_path, "rules:\n" + GOOD, "a.yaml")
    write(tmp_path, "rules: [\n", "b.yaml")
    write(tmp_path, "ruls: []\n" + "rules:\n" + GOOD.replace("good", "other"), "c.yaml")
    rules, faults = load_rules([tmp_path, tmp_path / "none.yaml"])
    assert [one.rule.id for one in rules] == ["good"]
    assert sorted({fault.path.name for fault in faults}) == ["b.yaml", "c.yaml", "none.yaml"]


def test_a_rule_of_the_same_id_in_another_file(tmp_path: Path) -> None:
    """The first counts; a folder that is named twice counts once."""
    first = write(tmp_path, "rules:\n" + GOOD, "a.yaml")
    write(tmp_path, "rules:\n" + GOOD, "b.yaml")
    rules, [fault] = load_rules([tmp_path, tmp_path])
    assert [one.path for one in rules] == [first]
    assert str(first) in fault.message

"""Sigma rules converted to rules of the sensor: they match the same events, or are rejected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sensor.core.addresses import parse
from sensor.core.event import Event
from sensor.core.flow import Change, Flow, Reason
from sensor.dissectors.dns import DnsQuery, DnsResponse
from sensor.dissectors.http import HttpRequest
from sensor.rules.load import load_rules
from sensor.rules.sigma import NotConvertible, imported
from tests.detectors.stories import START, World
from tests.golden import Golden
from tests.rules.written import CLIENT, SERVER, packet, query, write

PATH = Path("rule.yml")
HEAD = (
    "title: '{title}'\nid: 11111111-2222-3333-4444-555555555555\nlogsource: "
    "{source}\ndetection:\n{detection}level: {level}\n"
)


def sigma(
    detection: str,
    source: str = "{product: zeek, service: dns}",
    title: str = "A rule",
    level: str = "high",
    more: str = "",
) -> str:
    return (
        HEAD.format(
            title=title, source=source, detection="".join(f"  {line}\n" for line in detection.splitlines()), level=level
        )
        + more
    )


def requested(folder: Path, text: str) -> Any:
    """The detector of the only rule in a Sigma text, loaded from a converted file."""
    [entry], refused = imported(PATH, text, set())
    assert refused == []
    [one], faults = load_rules([write(folder, "rules:\n" + entry)])
    assert faults == []
    return one.detector(World())


def messages(unit: Any, event: Event | Flow) -> bool:
    before = unit.matched
    list(unit.look(event))
    return bool(unit.matched > before)


def request(path: str, agent: str = "curl/8", host: str = "h.example") -> HttpRequest:
    return HttpRequest(packet(), "GET", host, path, agent, "", "", "", "", -1, False, (), "", ())


@pytest.mark.parametrize(
    ("detection", "yes", "no"),
    [
        ("s: {query: Evil.example}\ncondition: s", ["evil.EXAMPLE"], ["x.evil.example"]),
        ("s: {query: [a.example, b.example]}\ncondition: s", ["a.example", "b.example"], ["c.example"]),
        ("s:\n  query|endswith: .evil\n  query|startswith: a\ncondition: s", ["ab.evil"], ["b.evil", "a.good"]),
        ("s: {query|contains: [xx, yy]}\ncondition: s", ["axxb", "yy"], ["xyxy"]),
        ("s:\n  query|contains|all: [xx, yy]\ncondition: s", ["xx.yy", "yyxx"], ["xx", "yy"]),
        ("s: {query|re: '^[a-f0-9]{8}\\.'}\ncondition: s", ["deadbeef.example"], ["zdeadbeef.example"]),
        ("s: {query: 'a*b?c.example'}\ncondition: s", ["axxbyc.example"], ["abc.example", "xaxxbyc.example"]),
        (
            "s: {query|contains: '.'}\nf: {query|endswith: [.local, .arpa]}\ncondition: s and not f",
            ["a.example"],
            ["a.LOCAL", "1.arpa", "word"],
        ),
        (
            "s: {query|endswith: .x}\nf1: {query: a.x}\nf2: {query|contains: b}\ncondition: s and not 1 of f*",
            ["c.x"],
            ["a.x", "bb.x", "c.y"],
        ),
        (
            "s: {query|endswith: .x}\nt: {query|endswith: .y}\nu: {query|startswith: a}\ncondition: (s or t) and u",
            ["a.x", "a.y"],
            ["b.x", "a.z"],
        ),
        ("s: {query: ''}\ncondition: not s", ["x"], [""]),
        ("s: {query: null}\ncondition: s", [""], ["x"]),
        ("s: {qtype_name: [TXT, A]}\ncondition: s", ["x"], []),
        ("s: {qtype_name: MX}\ncondition: s", [], ["x"]),
        ("s: {id.orig_h|cidr: 10.0.0.0/8, id.resp_p: 53}\ncondition: s", ["x"], []),
        ("s: {id.orig_h|cidr: 192.168.0.0/16}\ncondition: not s", ["x"], []),
        ("s: {id.resp_p|gt: 53}\nt: {query: x}\ncondition: t and not s", ["x"], ["y"]),
    ],
)
def test_conditions_mean_the_same(tmp_path: Path, detection: str, yes: list[str], no: list[str]) -> None:
    """Modifiers, lists, wildcards, and, or, not."""
    unit = requested(tmp_path, sigma(detection))
    assert [messages(unit, query(name)) for name in yes] == [True] * len(yes)
    assert [messages(unit, query(name)) for name in no] == [False] * len(no)


def test_what_is_reported_of_a_rule(tmp_path: Path) -> None:
    """Title, severity, techniques, false positives, author and reference are kept."""
    more = (
        "author: Somebody\nreferences: ['https://example.org/x']\ntags: [attack.command_and_control, "
        "attack.t1071.004]\nfalsepositives: [Tests, Updates]\n"
    )
    unit = requested(tmp_path, sigma("s: {query: a}\ncondition: s", title="Odd: name (1)", level="critical", more=more))
    rule = unit.rule
    assert (unit.id, rule.title, rule.severity, rule.attack) == (
        "custom.odd_name_1",
        "Odd: name (1)",
        "critical",
        ["T1071.004"],
    )
    assert (rule.false_positives, rule.author, rule.reference) == (
        "Tests; Updates",
        "Somebody",
        "https://example.org/x",
    )
    assert requested(tmp_path, sigma("s: {query: a}\ncondition: s", level="informational")).rule.severity == "info"


def test_answers_are_watched_where_a_rule_asks_for_them(tmp_path: Path) -> None:
    """The server sends the answer, but the client is the actor."""
    unit = requested(
        tmp_path, sigma("s: {rcode_name: NXDOMAIN, query|endswith: .x, id.orig_h: 10.0.0.5}\ncondition: s")
    )
    answer = DnsResponse(packet(0, SERVER, CLIENT), 1, "a.x", 1, 3, False, ())
    [alert] = list(unit.look(answer))
    assert (alert.actor.address, alert.target.address) == (parse(CLIENT), parse(SERVER))
    assert not messages(unit, query("a.x"))


@pytest.mark.parametrize(
    "source",
    [
        "{category: proxy}",
        "{category: webserver}",
        "{product: zeek, service: http}",
        "{category: proxy, product: squid}",
    ],
)
def test_requests(tmp_path: Path, source: str) -> None:
    """Field names of all log sources are supported."""
    names = {"zeek": ("uri", "user_agent")}.get("zeek" if "zeek" in source else "", ("c-uri", "c-useragent"))
    unit = requested(
        tmp_path,
        sigma(f"s:\n  {names[0]}|contains: [/gate.php, .exe]\n  {names[1]}|startswith: curl\ncondition: s", source),
    )
    assert messages(unit, request("/a/gate.php?x"))
    assert not messages(unit, request("/a/gate.php", "Mozilla"))
    assert not messages(unit, request("/index"))


@pytest.mark.parametrize(
    ("condition", "yes", "no"),
    [
        ("c-uri-extension: [exe, hta]", ["/a/b.exe", "/x.HTA?n=1"], ["/exe", "/a.exec", "/a?x=1.exe.txt"]),
        ("c-uri-query: cmd=id", ["/shell.php?cmd=id", "cmd=id"], ["/cmd=id?x", "/a?cmd=id2"]),
        ("c-uri-query|startswith: cmd=", ["/shell.php?cmd=id"], ["/cmd=id"]),
        ("cs-uri-stem: /gate.php", ["/gate.php", "/gate.php?x=1"], ["/a/gate.php", "/gate.php5"]),
        ("cs-uri-stem|endswith: .php", ["/gate.php?x=1"], ["/a?x=.php5", "/gate.php/x"]),
    ],
)
def test_parts_of_a_path(tmp_path: Path, condition: str, yes: list[str], no: list[str]) -> None:
    """Extension, query and path without the query are looked for in the path of the request."""
    unit = requested(tmp_path, sigma(f"s: {{{condition}}}\ncondition: s", "{category: proxy}"))
    assert [path for path in (*yes, *no) if messages(unit, request(path))] == yes


def test_rules_of_the_same_title(tmp_path: Path) -> None:
    """Their ids are numbered, over all files of an import: all are loaded."""
    ids: set[str] = set()
    text = sigma("s: {query: a}\ncondition: s")
    entries = [entry for _ in range(3) for entry in imported(PATH, text, ids)[0]]
    rules, faults = load_rules([write(tmp_path, "rules:\n" + "".join(entries))])
    assert ([one.rule.id for one in rules], faults) == (["a_rule", "a_rule_2", "a_rule_3"], [])


def test_flows(tmp_path: Path) -> None:
    """New flows, and ended ones if the rule has byte counts."""

    def flow(kind: Change, sent: int) -> Flow:
        return Flow(
            START,
            START,
            1,
            parse(CLIENT),
            parse(SERVER),
            0,
            0,
            5000,
            4444,
            6,
            0,
            0,
            kind,
            Reason.NONE,
            True,
            1,
            1,
            sent,
            1,
        )

    new = requested(
        tmp_path, sigma("s: {dst_port: [4444, 5555], src_ip|cidr: 10.0.0.0/8}\ncondition: s", "{category: firewall}")
    )
    assert messages(new, flow(Change.NEW, 0))
    ended = requested(
        tmp_path, sigma("s: {id.resp_p: 4444, orig_bytes|gte: 1000}\ncondition: s", "{product: zeek, service: conn}")
    )
    assert [messages(ended, flow(Change.ENDED, sent)) for sent in (999, 1000)] == [False, True]
    assert not messages(ended, flow(Change.NEW, 5000))


@pytest.mark.parametrize(
    "text",
    [
        sigma("s: {CommandLine: x}\ncondition: s", "{category: process_creation, product: windows}"),
        sigma("s: {qery: x}\ncondition: s"),
        sigma("s: [some, words]\ncondition: s"),
        sigma("s: {qtype_name: WEIRD}\ncondition: s"),
        sigma("s: {id.resp_p|contains: '5'}\ncondition: s"),
        sigma("s: {query|fieldref: answers}\ncondition: s"),
        sigma("s: {answers|contains: x}\ncondition: not s"),
        sigma(
            "".join(f"s{n}: {{query|contains: a{n}, id.resp_p: {n}}}\n" for n in range(7)) + "condition: not 1 of s*"
        ),
    ],
    ids=("source", "field", "keywords", "value", "number", "reference", "negation", "alternatives"),
)
def test_what_has_no_counterpart_is_refused(golden: Golden, text: str) -> None:
    """The rule is rejected with a reason; never converted in part."""
    entries, [refused] = imported(PATH, text + "---\n" + sigma("s: {query: good}\ncondition: s", title="Good"), set())
    assert [entry.splitlines()[0] for entry in entries] == ['  - id: "good"']
    golden(refused)


@pytest.mark.parametrize("text", ["", "just words", "[1, 2]", "{", "title: x\n"])
def test_what_is_no_rule_of_sigma(text: str) -> None:
    """Any invalid input is reported."""
    try:
        entries, refused = imported(PATH, text, set())
    except NotConvertible:
        return
    assert entries == []
    assert refused


def test_names_are_watched(tmp_path: Path) -> None:
    """The events are those of the sensor's dissectors."""
    assert requested(tmp_path, sigma("s: {query: a}\ncondition: s")).watches == (DnsQuery,)

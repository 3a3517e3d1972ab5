"""Formats of firewall rules: the text of each, and that names from the network cannot inject anything into it."""

from __future__ import annotations

import csv
import io
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sensor.posture.firewall.formats import format_of, names, written
from sensor.posture.firewall.model import Match, Request
from tests.golden import Golden
from tests.posture.firewall.requested import C2_V6, CAMERA, LAPTOP, WEEK, internal, many, only, outbound

# Characters that end a line or a quote, begin a comment, a variable or a command, or separate words in a format.
STRUCTURE = set("\n\r\v\f\x1b\x85\u2028\u2029\"'`\\$;#!{}[]<>&|*?~^%=‘’“”\t")


def named(name: str, comment: str) -> Request:
    """A request about a camera and a laptop with that name."""
    contacts = [
        outbound(CAMERA._replace(name=name, kind=name), alert=name, reason=name),
        outbound(LAPTOP._replace(name=name)),
    ]
    return only(contacts, WEEK._replace(comment=comment))._replace(notes=(name,))


def test_there_are_ten() -> None:
    assert names() == ["csv", "fortios", "ios", "ip6tables", "iptables", "junos", "nftables", "panos", "pf", "windows"]


@pytest.mark.parametrize("name", [name for name in names() if name != "csv"])
@given(peer=st.text(max_size=300), comment=st.text(max_size=120))
@example(peer='"; flush ruleset; #', comment="x\npermit ip any any")
@example(peer="' ; Remove-NetFirewallRule -All; '", comment="’; iex x; ‘")
@example(peer="\\", comment="end\nconfig system admin")
def test_no_name_and_no_comment_changes_what_a_text_reports(name: str, peer: str, comment: str) -> None:
    """The numbers of lines, quotes and special characters do not depend on names and comments."""
    hostile, innocent = (written(name, [named(f"n{peer}", f"c{comment}")]), written(name, [named("x", "x")]))
    assert Counter(sign for sign in hostile if sign in STRUCTURE) == Counter(
        sign for sign in innocent if sign in STRUCTURE
    )
    assert hostile.isascii()


@given(peer=st.text(max_size=300), comment=st.text(max_size=120))
@example(peer="=cmd|' /C calc'!A0", comment='+1+1,"\n')
def test_no_name_and_no_comment_makes_a_row_or_a_formula(peer: str, comment: str) -> None:
    """Names and comments add no CSV rows or columns, and no cell is a formula."""
    heading, *rows = csv.reader(io.StringIO(written("csv", [named(peer, comment)])))
    assert [len(row) for row in rows] == [len(heading)] * 4
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("request_", many(), ids=lambda one: one.title)
def test_all_report_what_until_when_and_how_to_take_it_back(name: str, request_: Request) -> None:
    """Every text ends with a line end and contains the request, its expiry and its own undo commands."""
    text, undo = written(name, [request_]), written(name, [request_], undo=True)
    assert text.endswith("\n")
    assert undo.endswith("\n")
    assert request_.id in text
    assert request_.until in text
    if name != "csv":
        mark = format_of(name).MARK
        assert text.endswith("".join(f"{mark} {line}\n" for line in ("to undo:", *undo.splitlines())))


def body(name: str, request: Request) -> list[str]:
    """The lines without comments."""
    mark = getattr(format_of(name), "MARK", "\0")
    return [line for line in written(name, [request]).splitlines() if not line.startswith(mark)]


ONE_PORT = only([internal(LAPTOP)])
OUT = only([outbound(CAMERA)], WEEK._replace(match=Match(6, 443)))
UNTIL = "until 2026-12-01 08:17 UTC, alert-bbbbbb"


def test_ios(golden: Golden) -> None:
    """An access list for each family, hosts and networks with wildcard masks, and a final permit."""
    golden(body("ios", ONE_PORT))
    block = next(one for one in many() if "203.0.113.0/24" in one.title)
    assert " deny ip any 203.0.113.0 0.0.0.255 log" in body("ios", block)
    golden(written("ios", [ONE_PORT], undo=True))


def test_fortios() -> None:
    """Objects of both families, a service and policies; the undo commands delete the same names and numbers."""
    name, lines, undo = ONE_PORT.id, body("fortios", ONE_PORT), written("fortios", [ONE_PORT], undo=True)
    assert "        set subnet 10.20.10.101 255.255.255.255" in lines
    assert "        set ip6 2001:db8:1::101/128" in lines
    assert "        set tcp-portrange 445" in lines
    assert f'        set dstaddr6 "{name}-2001-db8-2--5"' in lines
    assert lines.count("        set action deny") == 2
    made = [line.strip().removeprefix("edit ") for line in lines if line.startswith("    edit ")]
    assert sorted(made) == sorted(
        line.strip().removeprefix("delete ") for line in undo.splitlines() if line.startswith("    delete ")
    )


def test_panos(golden: Golden) -> None:
    """Objects, a service and rules at the top; the undo commands delete them."""
    name = OUT.id
    golden(body("panos", OUT)[-4:])
    assert written("panos", [OUT], undo=True).splitlines() == [
        f"delete rulebase security rules {name}-1",
        f"delete address {name}-10.20.10.62",
        f"delete address {name}-203.0.113.66",
        f"delete service {name}-tcp-443",
    ]


def test_junos() -> None:
    """Prefix lists, a term that discards, and one that accepts the rest."""
    name = OUT.id
    term = f"set firewall family inet filter {name} term {name}-1"
    assert body("junos", OUT) == [
        f"set policy-options prefix-list {name}-1-from 10.20.10.62/32",
        f"set policy-options prefix-list {name}-1-to 203.0.113.66/32",
        f"{term} from source-prefix-list {name}-1-from",
        f"{term} from destination-prefix-list {name}-1-to",
        f"{term} from protocol tcp",
        f"{term} from destination-port 443",
        f"{term} then count {name}-1",
        f"{term} then discard",
        f"set firewall family inet filter {name} term rest then accept",
    ]


def test_pf(golden: Golden) -> None:
    """One line for each rule; several addresses are a list."""
    both = only([outbound(CAMERA), outbound(LAPTOP)])
    golden(body("pf", both))
    new = only([outbound(LAPTOP, C2_V6)], WEEK._replace(match=Match(17, 53), everyone=True))
    golden(body("pf", new))


def test_windows() -> None:
    """An outbound rule on the source host, and an inbound rule on the destination host if it is internal."""
    (out,) = body("windows", OUT)
    assert (
        "-Direction Outbound -Action Block -LocalAddress '10.20.10.62' -RemoteAddress '203.0.113.66' "
        "-Protocol TCP -RemotePort 443 "
    ) in out
    inbound = [line for line in body("windows", ONE_PORT) if "-Direction Inbound" in line]
    assert "-LocalAddress '10.20.20.5' -RemoteAddress '10.20.10.101' -Protocol TCP -LocalPort 445 " in inbound[0]


def test_csv() -> None:
    """One header for all requests, a row for each pair of addresses, and no cell that is a formula."""
    rows = list(csv.DictReader(io.StringIO(written("csv", [named("@SUM(A1)", "-1"), OUT]))))
    assert len(rows) == 5
    assert rows[0]["comment"] == "'-1"
    assert rows[0]["source_name"] == "'@SUM(A1) @SUM(A1)"
    assert [rows[-1][column] for column in ("do", "source", "destination", "protocol", "port")] == [
        "add",
        "10.20.10.62/32",
        "203.0.113.66/32",
        "tcp",
        "443",
    ]
    assert all(row["do"] == "remove" for row in csv.DictReader(io.StringIO(written("csv", [OUT], undo=True))))


def test_a_family_that_is_not_meant_reports_where_the_rules_are() -> None:
    """The text of the other address family refers to the one with the rules."""
    assert body("ip6tables", OUT) == []
    assert "see --format iptables" in written("ip6tables", [OUT])
    assert "--format ip6tables" in written("iptables", [ONE_PORT])

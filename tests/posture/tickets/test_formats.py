"""Export formats of tickets, and that hostile names of devices cannot inject anything into them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import mailbox
import re
from collections.abc import Iterator
from email import message_from_string
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from sensor.core.reader import clean
from sensor.posture.tickets.formats import Form, exported, format_of, names
from sensor.posture.tickets.formats._markdown import code, plain
from sensor.posture.tickets.grouping import tickets_of
from sensor.posture.tickets.model import Ticket
from sensor.posture.tickets.policy import Policy
from sensor.posture.weakness import Proof
from tests.golden import Golden
from tests.outputs.ticket_systems import adf_faults
from tests.posture.tickets.made import cve, large_site, node, setting, site, update

FORM = Form("hq", "OPS")
EVIL = (
    "=cmd|' /C calc'!A0", "@SUM(1+1)", "+1", "-1", "\uff1dHYPERLINK(1)", "\t=1", "x\r\nBcc: all@example.org",
    "<script>alert(1)</script>",
    "](http://evil.example)", "`rm -rf /`", "``a` b", "$(reboot)", "; reboot #", "--> <b>", "{noformat} *x*",
    "{NOFORMAT}", (
        "[code]<a "
        "href=x>[/code]"
    ),
    "@octocat", "#1", "| a | b |", "http://evil.example/", "www.evil.example", "# head", "1. one", "- item",
    "![x](http://evil.example/x.png)",
    "&lt;b&gt;", "a\u202eb\x1b[31m", "From me", "~~x~~", "\\", "$$x$$",
)  # fmt: skip


def tickets(*evil: str) -> list[Ticket]:
    """One update and one setting on a device whose texts all contain the hostile word, for each word."""
    nodes = [
        node(at, word, name=word, vendor=word, model=word, firmware=word, owner=word, segment=word)
        for at, word in enumerate(evil)
    ]
    proof = [Proof("2026-11-24T09:14:07Z", word, word) for word in evil]
    found = [setting(f"dev-{at}", proof=proof[at], why=word) for at, word in enumerate(evil)]
    found += [
        cve(f"dev-{at}", proof=proof[at], why=word, title=word, fix=update(word, word, word))
        for at, word in enumerate(evil)
    ]
    return tickets_of(site(nodes, found), Policy())


def test_there_is_a_file_for_each() -> None:
    """The formats that the command lists are those that exist."""
    assert names() == ["csv", "email", "github", "jira", "jira_server", "json", "markdown", "servicenow"]


@pytest.mark.parametrize("name", names())
def test_twice_the_same(name: str) -> None:
    """The same tickets give identical bytes, and an empty export is valid, too."""
    first, second = (exported(name, tickets(*EVIL), FORM) for _ in range(2))
    assert first == second
    assert first.endswith("\n")
    assert isinstance(exported(name, [], FORM), str)


# Spreadsheets.


def test_no_cell_is_a_formula() -> None:
    """Device names do not become formulas; each device has a complete row."""
    rows = list(csv.reader(io.StringIO(exported("csv", tickets(*EVIL), FORM))))
    assert {len(row) for row in rows} == {23}
    assert not [cell for row in rows for cell in row if re.match("[=+@\t\r\n\uff1d\uff0b\uff0d\uff20-]", cell)]
    assert any(cell == "'=cmd|' /C calc'!A0" for row in rows for cell in row)
    assert len(rows) == 1 + 2 * len(EVIL)


# Markdown.


def rendered(text: str) -> str:
    """Rendered as on GitHub, with tables and autolinks, but without its HTML sanitizer."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)


@pytest.mark.parametrize("word", EVIL)
def test_markdown_shows_text_as_it_is(word: str) -> None:
    """In code and in prose, a text gives no link, image, heading, list, emphasis or HTML, and all its characters are
    shown.
    """
    for made in (code(word.strip()), plain(word.strip())):
        page = rendered(f"- {made}\n")
        assert re.fullmatch(r"<ul>\n<li>(<code>)?[^<]*(</code>)?</li>\n</ul>\n", page), page


@pytest.mark.parametrize("name", ["markdown", "github"])
def test_markdown_of_hostile_tickets(name: str) -> None:
    """Only own markup is rendered; every table row has six cells; there are no mentions outside of code."""
    found = tickets(*EVIL)
    assert found
    for ticket in found:
        text = (
            exported("markdown", [ticket], FORM)
            if name == "markdown"
            else format_of("github").created(ticket, FORM)["body"]
        )
        page = rendered(text.partition("\n")[2])
        assert set(re.findall(r"</?([a-z0-9]+)", page)) <= set(
            "h2 h3 ul li p strong code table thead tbody tr th td".split()
        ), page
        assert {row.count("<td>") for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL) if "<td>" in row} == {6}
        assert not re.search(r"[@#]\w", re.sub(r"<code>.*?</code>", "", page, flags=re.DOTALL)), page


def test_a_comment_that_no_key_can_end() -> None:
    """The marker by which an issue is found again is complete and on the first line."""
    ticket = tickets("x")[0]
    first = format_of("github").created(ticket, Form("hq --> <b>"))["body"].splitlines()[0]
    assert re.fullmatch(r"<!-- network-sensor: [^>]* -->", first)
    assert first == format_of("github").found_by(ticket.id, Form("hq --> <b>"))


# Ticket systems.


def issues(name: str, *evil: str) -> Iterator[dict[str, Any]]:
    lines = exported(name, tickets(*evil), FORM).splitlines()
    assert lines
    for line in lines:
        requests = json.loads(line)["issueUpdates"]
        assert 0 < len(requests) <= 50
        yield from requests


def test_jira_cloud() -> None:
    """Documents have no empty texts or control characters, labels no blanks, and a property contains the ticket id."""
    made = list(issues("jira", *EVIL))
    assert len(made) == 1 + len(EVIL)
    for one in made:
        assert list(adf_faults(one["fields"]["description"])) == []
        assert all(re.fullmatch(r"[\w.-]+", label) for label in one["fields"]["labels"])
        assert one["properties"] == [
            {"key": "network-sensor", "value": {"ticket": one["fields"]["labels"][1], "sensor": "hq"}}
        ]
        assert one["fields"]["project"] == {"key": "OPS"}


def test_jira_data_center() -> None:
    """No text ends the noformat block."""
    for one in issues("jira_server", *EVIL):
        text = one["fields"]["description"]
        assert text.startswith("{noformat}\n")
        assert text.endswith("\n{noformat}")
        assert text.lower().count("{noformat") == 2


def test_more_issues_than_one_request_takes() -> None:
    """Each line has fifty issues at most."""
    many = tickets_of(site([node(1)], [cve("dev-1", fix=update("P", str(number))) for number in range(120)]), Policy())
    assert [len(json.loads(line)["issueUpdates"]) for line in exported("jira", many, FORM).splitlines()] == [50, 50, 20]


def test_servicenow() -> None:
    """Columns have their maximum length, texts no [code] tag, and the key consists of sensor and ticket."""
    records = json.loads(exported("servicenow", tickets(*EVIL), FORM))["records"]
    assert len(records) == len(tickets(*EVIL))
    for one in records:
        assert len(one["short_description"]) <= 160
        assert "[code]" not in one["description"].lower()
        assert re.fullmatch(r"hq/ticket-\w{6}", one["correlation_id"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\d 23:59:59", one["due_date"])


def test_a_long_name_of_a_sensor_does_not_hide_the_ticket() -> None:
    """The end of the key distinguishes tickets; a caret, which ends a query condition, is removed."""
    long = Form("x^y" * 60)
    first, second = (one["correlation_id"] for one in json.loads(exported("servicenow", tickets("x"), long))["records"])
    assert first != second
    assert len(first) == 100
    assert "^" not in first + format_of("servicenow").found_by("ticket-aaaaaa", long)


@pytest.mark.parametrize(
    ("name", "limit"), [("jira", 32_767), ("jira_server", 32_767), ("github", 65_536), ("servicenow", 4000)]
)
def test_ten_thousand_devices_fit(name: str, limit: int) -> None:
    """Each target has a maximum length: further devices are counted, with a reference to the full list."""
    nodes = [node(number, name="x" * 60) for number in range(10_000)]
    [ticket] = tickets_of(site(nodes, [setting(one.id) for one in nodes]), Policy())
    made = format_of(name).created(ticket, FORM)
    text = (
        made["body"]
        if name == "github"
        else made["description"]
        if name == "servicenow"
        else made["fields"]["description"]
    )
    text = text if isinstance(text, str) else json.dumps(text)
    assert limit * 0.8 < len(text) <= limit
    assert re.search(r"and 9,\d{3} more: see `sensor tickets export --format csv`", text)


def test_the_longest_texts_fit_as_well() -> None:
    """A ticket with the maximum number of reasons and steps fits."""
    found = [
        cve("dev-1", f"CVE-{number}", fix=update("P", "1", "y" * 1000 + str(number)), why="w" * 1000, title="t" * 500)
        for number in range(200)
    ]
    [ticket] = tickets_of(site([node(1)], found), Policy())
    assert len(json.dumps(format_of("jira").created(ticket, FORM)["fields"]["description"])) <= 32_767
    assert len(format_of("servicenow").created(ticket, FORM)["description"]) <= 4000
    assert len(format_of("github").created(ticket, FORM)["body"]) <= 65_536


@pytest.mark.parametrize("name", ["jira", "jira_server", "github", "servicenow", "json"])
def test_why_it_is_done(name: str) -> None:
    """The text of a closed ticket contains the hostile words without any effect."""
    made = format_of(name).closed([clean(f"{word}: runs 2 now") for word in EVIL], FORM)
    if name == "jira":
        assert list(adf_faults(made["body"])) == []
    assert "runs 2 now" in json.dumps(made)
    if name == "github":
        assert "<script>alert" not in re.sub(r"<code>.*?</code>", "", rendered(made["body"]))
    if name == "servicenow":
        assert "[code]" not in made["close_notes"]


# E-mail.


@pytest.mark.parametrize("name", ["jira", "jira_server", "servicenow", "github"])
def test_a_device_that_is_gone_is_not_called_fixed(name: str, golden: Golden) -> None:
    """The heading fits all reasons: fixed, gone, part of another ticket."""
    golden(format_of(name).closed(["10.0.0.7 (camera): gone, last seen 2026-11-20"], FORM))


def test_a_letter_has_our_headers_alone() -> None:
    """A name with line ends adds no header; the owner's address is the recipient; a ticket's messages form a thread."""
    policy = Policy(owner="it@example.org")
    hostile = node(1, name="x\r\nBcc: all@example.org", model="y\nTo: z@example.org")
    tickets = list(tickets_of(site([hostile], [setting("dev-1"), cve("dev-1")]), policy))
    assert tickets
    for ticket in tickets:
        made = message_from_string(exported("email", [ticket], FORM), policy=default)
        assert [name for name in made if name not in ("Content-Type", "Content-Transfer-Encoding", "MIME-Version")] == [
            "Subject",
            "To",
            "References",
            "Auto-Submitted",
        ]
        assert made["To"] == "it@example.org"
        assert made["References"] == f"<{ticket.id}@hq.invalid>"
        assert made["Subject"].startswith(f"[{ticket.id}] P3: ")
        assert "Devices:" in made.get_content()


@pytest.mark.parametrize("owner", EVIL)
def test_who_has_no_address_gets_no_letter(owner: str) -> None:
    [ticket] = tickets_of(site([node(1, owner=owner)], [setting("dev-1")]), Policy())
    assert "To" not in message_from_string(exported("email", [ticket], FORM), policy=default)


def test_several_letters_are_a_mailbox(tmp_path: Path) -> None:
    """One message for each ticket, whatever its lines begin with."""
    path = tmp_path / "box"
    found = [one._replace(test="From now on it is refused.") for one in tickets(*EVIL)]
    path.write_text(exported("email", found, FORM), encoding="utf-8")
    with contextlib.closing(mailbox.mbox(path)) as box:
        assert len(box) == len(found)
        assert all(letter["Subject"] for letter in box)


# Steps.


def test_commands_contain_no_text_of_a_peer(golden: Golden) -> None:
    """Commands of steps and tests contain DEVICE in place of an address, and no names from the network."""
    [ticket] = [one for one in tickets(*EVIL) if one.kind == "setting"]
    golden([one.text for one in ticket.steps])
    assert ticket.test == '"nc -vz DEVICE 23" is refused.'


def test_everything_there_is_as_json() -> None:
    """One object on each line, as many as there are tickets."""
    here = tickets_of(large_site(50, 200), Policy())
    made = [json.loads(line) for line in exported("json", here, FORM).splitlines()]
    assert [one["id"] for one in made] == [one.id for one in here]
    assert made[0]["devices"][0]["proof"]["event"] == "telnet.login"

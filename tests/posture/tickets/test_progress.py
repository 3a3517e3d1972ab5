"""Progress of tickets: from month to month, by what the network shows."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from sensor.posture.site import Site
from sensor.posture.tickets import ledger as module
from sensor.posture.tickets.grouping import tickets_of
from sensor.posture.tickets.ledger import (
    FILE,
    Ledger,
    LedgerError,
    SentTicket,
    TicketEntry,
    read_ledger,
    without_old,
    write_ledger,
)
from sensor.posture.tickets.policy import Policy
from sensor.posture.tickets.progress import TicketStatus, content_of, noted, statuses
from tests.golden import Golden
from tests.posture.tickets.made import NOW, cve, node, setting, site, update

LATER = "2026-12-24T09:20:00.000000Z"


def closed(device: str, name: str = "telnet") -> dict[str, Any]:
    """The record of a recommendation that traffic closed."""
    reported = {"setting": name, "closed": "the port refused a connection on 2026-12-01"}
    return {"action": "close", "src": {"device": device}, "recommendation": reported}


def looked(ledger: Ledger, here: Site, policy: Policy | None = None) -> tuple[Ledger, list[TicketStatus]]:
    """The next evaluation."""
    tickets = tickets_of(here, policy or Policy(), ledger.first())
    after = noted(ledger, tickets, here)
    return after, statuses(after, tickets)


def given(ledger: Ledger, found: list[TicketStatus], receiver: str = "jira") -> None:
    """Exports all tickets."""
    for one in found:
        if one.ticket is not None:
            ledger.tickets[one.id].given[receiver] = SentTicket("OPS-1", content_of(one.ticket))


def test_new_until_a_user_was_given_it_then_open_then_changed() -> None:
    """Viewing a ticket does not change its state; exporting it does, and so does another device."""
    here = site([node(1), node(2)], [setting("dev-1")])
    kept, found = looked(Ledger(), here)
    kept, found = looked(kept, here)
    assert [one.state for one in found] == ["new"]
    given(kept, found)
    kept, found = looked(kept, here)
    assert [one.state for one in found] == ["open"]
    kept, found = looked(kept, site([node(1), node(2)], [setting("dev-1"), setting("dev-2")]))
    assert [one.state for one in found] == ["changed"]


def test_what_changes_by_the_hour_is_no_change() -> None:
    """Changes of points, packet counts and reasons do not change the content, so that no update is sent."""
    one = tickets_of(site([node(1)], [cve("dev-1", points=21.0)]), Policy())[0]
    moved = cve("dev-1", points=23.5, why="other words")._replace(
        proof=one.devices[0].proof._replace(ts="2027-01-01T00:00:00Z")
    )
    first = {one.id: NOW}
    assert content_of(tickets_of(site([node(1)], [moved], now=LATER), Policy(), first)[0]) == content_of(one)
    more_severe = cve("dev-1", points=61.0)
    assert content_of(tickets_of(site([node(1)], [more_severe]), Policy())[0]) != content_of(one)


def test_due_dates_count_from_the_first_look() -> None:
    """A month later the due date is unchanged."""
    kept, [before] = looked(Ledger(), site([node(1)], [setting("dev-1")]))
    _, [after] = looked(kept, site([node(1)], [setting("dev-1")], now=LATER))
    assert before.note.due == after.note.due == "2027-02-22"
    assert (after.note.first, after.note.last) == (NOW, LATER)


def test_done_when_a_setting_was_seen_right(golden: Golden) -> None:
    """Later traffic closed the recommendation: the ticket contains it for each device."""
    kept, _ = looked(Ledger(), site([node(1)], [setting("dev-1")]))
    kept, [one] = looked(kept, site([node(1)], [], now=LATER, recommendations=[closed("dev-1")]))
    assert (one.state, one.ticket, one.note.done) == ("done", None, LATER)
    golden(list(one.note.over.values()))


def test_done_when_another_version_was_seen() -> None:
    """The ticket of the old version is done; a new version that is vulnerable, too, has another ticket."""
    kept, [before] = looked(Ledger(), site([node(1)], [cve("dev-1")]))
    newer = node(1, firmware="10.12.9")
    kept, found = looked(kept, site([newer], [cve("dev-1", fix=update("P3265", "10.12.9"))], now=LATER))
    assert [(one.state, one.note.title) for one in found] == [
        ("new", "Update P3265 from 10.12.9"),
        ("done", "Update P3265 from 10.12.3"),
    ]
    assert list(kept.tickets[before.id].over.values()) == [
        "10.0.0.1 (host-1, camera): runs 10.12.9 now, 10.12.3 before"
    ]


def test_done_when_the_device_is_gone(golden: Golden) -> None:
    """The device was gone for a day, or was removed from the inventory."""
    kept, _ = looked(Ledger(), site([node(1), node(2)], [setting("dev-1"), setting("dev-2")]))
    _, [one] = looked(kept, site([node(1, gone=True)], [setting("dev-1")], now=LATER))
    assert one.state == "done"
    golden(list(one.note.over.values()))


def test_a_setting_that_is_only_not_seen_is_not_done() -> None:
    """The log may have been truncated since: no traffic shows that Telnet is off, so the ticket stays open."""
    kept, [before] = looked(Ledger(), site([node(1)], [setting("dev-1")]))
    kept, [one] = looked(kept, site([node(1)], [], now=LATER))
    assert (one.state, one.ticket, one.note.last, list(one.note.devices)) == ("open", None, NOW, ["dev-1"])
    _, [again] = looked(kept, site([node(1)], [setting("dev-1")], now=LATER))
    assert (again.id, again.note.first) == (before.id, NOW)


def test_a_cve_that_does_not_affect_the_version_is_done(golden: Golden) -> None:
    """A newer feed lists the version as not affected."""
    kept, _ = looked(Ledger(), site([node(1)], [cve("dev-1")]))
    clear = {"dev-1": frozenset(("CVE-2023-21413", "CVE-2020-0001"))}
    _, [one] = looked(kept, site([node(1)], [], now=LATER, unaffected=clear))
    assert one.state == "done"
    golden(list(one.note.over.values()))


def test_a_rejected_cve_is_done(golden: Golden) -> None:
    """A newer feed has one CVE as rejected, and lists the version as not affected by the other."""
    kept, _ = looked(Ledger(), site([node(1)], [cve("dev-1"), cve("dev-1", "CVE-2024-0001")]))
    clear = {"dev-1": frozenset(("CVE-2023-21413",))}
    kept, [one] = looked(kept, site([node(1)], [], now=LATER, unaffected=clear))
    assert one.state == "open"
    _, [one] = looked(kept, site([node(1)], [], now=LATER, unaffected=clear, rejected={"CVE-2024-0001"}))
    assert one.state == "done"
    golden(list(one.note.over.values()))


@pytest.mark.parametrize("clear", [{}, {"dev-1": frozenset(("CVE-2023-21413",))}])
def test_a_cve_that_is_only_not_known_is_not_done(clear: dict[str, frozenset[str]]) -> None:
    """The feed was removed, or another one lists only some of the CVEs: the version is not known to be safe."""
    kept, [before] = looked(Ledger(), site([node(1)], [cve("dev-1"), cve("dev-1", "CVE-2024-0001")]))
    kept, [one] = looked(kept, site([node(1)], [], now=LATER, unaffected=clear))
    assert (one.state, one.ticket, list(one.note.devices)) == ("open", None, ["dev-1"])
    _, [again] = looked(kept, site([node(1)], [cve("dev-1"), cve("dev-1", "CVE-2024-0001")], now=LATER))
    assert (again.id, again.note.first) == (before.id, NOW)


def test_what_the_policy_does_not_want_any_more_is_done(golden: Golden) -> None:
    """The ticket contains a note that the device is unchanged."""
    here = site([node(1)], [cve("dev-1")])
    kept, _ = looked(Ledger(), here)
    _, [one] = looked(kept, here, Policy(least_points=50))
    golden(list(one.note.over.values()))


def test_one_device_of_several_is_done() -> None:
    """The ticket stays open, with a note."""
    kept, found = looked(Ledger(), site([node(1), node(2)], [setting("dev-1"), setting("dev-2")]))
    given(kept, found)
    kept, [one] = looked(
        kept, site([node(1), node(2)], [setting("dev-2")], now=LATER, recommendations=[closed("dev-1")])
    )
    assert (one.state, list(one.note.devices), list(one.note.over)) == ("changed", ["dev-2"], ["dev-1"])


def test_what_comes_back_begins_again_for_those_who_have_it() -> None:
    """It has a new first day and due date, the same id, and the receivers' references."""
    here = site([node(1)], [setting("dev-1")])
    kept, found = looked(Ledger(), here)
    given(kept, found)
    kept, _ = looked(kept, site([node(1)], [], recommendations=[closed("dev-1")]))
    kept.tickets[found[0].id].given["jira"].closed = True
    kept, [one] = looked(kept, here._replace(now=LATER))
    assert (one.id, one.state, one.note.first, one.note.over) == (found[0].id, "changed", LATER, {})
    assert one.note.given["jira"].handle == "OPS-1"


def test_what_is_long_done_is_forgotten() -> None:
    """Tickets are deleted after 400 days, or from the oldest if there are too many."""
    kept, _ = looked(Ledger(), site([node(1)], [cve("dev-1")]))
    clear = {"dev-1": frozenset(("CVE-2023-21413",))}
    kept, [one] = looked(kept, site([node(1)], [], unaffected=clear))
    kept, found = looked(kept, site([node(1)], [], now="2027-12-20T00:00:00Z"))
    assert [each.id for each in found] == [one.id]
    assert looked(kept, site([node(1)], [], now="2027-12-31T00:00:00Z"))[1] == []


def test_no_more_than_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_MOST", 2)
    notes = {f"t{day}": TicketEntry("x", "setting", "low", "P4", done=f"2026-11-0{day}") for day in (3, 1, 2)}
    assert set(without_old(Ledger(tickets=notes), "").tickets) == {"t2", "t3"}


# Storage.


def test_written_and_read_again(tmp_path: Path) -> None:
    """The file is read back unchanged, without other files beside it."""
    kept, found = looked(Ledger(), site([node(1)], [setting("dev-1")]))
    given(kept, found)
    write_ledger(tmp_path, kept)
    assert read_ledger(tmp_path) == kept
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert read_ledger(tmp_path / "nosuch") == Ledger()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 1, "tickets": []}',
        b'{"version": 1, "tickets": {"a": {"title": 1}}}',
        b'{"tickets": {"a": {"title": "", "kind": "", "severity": "grave", "priority": ""}}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_broken_one_is_an_error(tmp_path: Path, raw: bytes) -> None:
    """A damaged file is an error; it is never replaced silently."""
    (tmp_path / FILE).write_bytes(raw)
    with pytest.raises(LedgerError, match=r"^\S*/tickets\.json: "):
        read_ledger(tmp_path)


def test_one_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(LedgerError, match=os.strerror(errno.EISDIR)):
        read_ledger(tmp_path)
    with pytest.raises(LedgerError, match="cannot write"):
        write_ledger(tmp_path, Ledger())
    assert (tmp_path / FILE).is_dir()

"""Assessments of the office by views: the same as those of the event log read record by record, in pages, with
validated filters.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sensor.cli.main import main
from sensor.core.time_units import SECOND
from sensor.eventlog.fold import Fold
from sensor.eventlog.reader import Reader as LogReader
from sensor.inventory.habits import OUTSIDE
from sensor.inventory.store.database import FILE
from sensor.posture.picture import AssessmentInputs, Picture
from sensor.posture.tickets.ledger import FILE as LEDGER
from sensor.posture.tickets.policy import Policy
from sensor.tables.build import catch_up
from sensor.tables.lines import time_ns
from sensor.views.assessment import picture_of
from sensor.views.conversations import ConversationFilter, ConversationRow, conversations
from sensor.views.dataset import Data, open_folder, open_log
from sensor.views.errors import Malformed, NotReadable, Unknown
from sensor.views.latest import known_of
from sensor.views.paths import PathFilter, paths
from sensor.views.posture import GROUPS, ScoreFilter, device_posture, groups, posture, scores
from sensor.views.tickets import TicketFilter, ticket, tickets
from sensor.views.vulnerabilities import (
    VulnerabilityFilter,
    affected_and_unclear,
    every_finding,
    findings,
    vulnerabilities,
)

LOG = "events.jsonl"


@pytest.fixture
def picture(office: Data) -> Picture:
    return picture_of(office, AssessmentInputs())


@pytest.fixture
def camera(picture: Picture) -> str:
    """The compromised camera."""
    return next(node.id for node in picture.site.nodes.values() if node.address == "10.20.10.62")


def test_the_site_of_the_tables_is_that_of_the_log(office: Data, office_folder: Path) -> None:
    """Alerts, incidents and recommendations have the same order; devices of a log alone have the same weaknesses."""
    fold = Fold()
    for record in LogReader(office_folder / LOG):
        fold.add(record)
    known = known_of(office)
    assert len(fold.alerts) == 7
    for name in ("alerts", "incidents", "recommendations"):
        assert list(getattr(known, name).items()) == list(getattr(fold, name).items()), name
    with open_log(office_folder / LOG) as data:
        alone = picture_of(data, AssessmentInputs())
        assert known_of(data).devices == fold.devices
        assert alone.site.weaknesses == Picture(fold, AssessmentInputs()).site.weaknesses != {}
        assert not data.inventory
        with pytest.raises(NotReadable):
            conversations(alone)


def test_an_alert_without_a_device_has_that_of_its_time(office_folder: Path, tmp_path: Path) -> None:
    """The target got its present address after the alert, from another device: that one was attacked."""
    shutil.copytree(office_folder, tmp_path / "office")
    with open_folder(tmp_path / "office") as data:
        known = known_of(data)
    alert = next(record for record in known.alerts.values() if record["dst"].get("device"))
    ip, present = alert["dst"]["ip"], alert["dst"]["device"]
    former = next(name for name in known.devices if name != present)
    later = time_ns(alert["alert"]["last"]) + 2 * 3600 * SECOND
    with contextlib.closing(sqlite3.connect(tmp_path / "office" / FILE)) as base, base:
        base.execute("UPDATE alert_records SET record = json_remove(record, '$.dst.device')")
        base.execute("UPDATE leases SET first = ? WHERE address = ?", (later, ip))
        wanted = "INSERT INTO leases (device, address, first, last, held) VALUES (?, ?, ?, ?, 0)"
        base.execute(wanted, (former, ip, 0, later))
    with open_folder(tmp_path / "office") as data:
        site = picture_of(data, AssessmentInputs()).site
    record = next(one for one in site.alerts if one["alert"]["id"] == alert["alert"]["id"])
    assert site.ends.device(record["dst"], record) == former


def test_a_closed_alert_counts_no_longer(office_folder: Path, tmp_path: Path) -> None:
    """A closed alert no longer affects the score of its devices; a reopened one does."""
    shutil.copytree(office_folder, tmp_path / "office")
    folder = tmp_path / "office"

    def read() -> tuple[float, dict[str, Any]]:
        catch_up(folder, folder / LOG)
        with open_folder(folder) as data:
            known = known_of(data)
            worst = next(one for one in known.alerts.values() if one["severity"] == "critical")
            return posture(picture_of(data, AssessmentInputs())).points, worst

    before, worst = read()
    name = worst["alert"]["id"]
    assert main(["alerts", "close", name, "--reason", "a test", "--state", str(folder)]) == 0
    closed, worst = read()
    assert (worst["action"], worst["alert"]["closed"]["reason"]) == ("close", "a test")
    assert main(["alerts", "reopen", name, "--state", str(folder)]) == 0
    again, worst = read()
    assert closed < before == again
    assert (worst["action"], "closed" in worst["alert"]) == ("update", False)


def test_scores(picture: Picture, camera: str) -> None:
    """The site, every device once in pages of seven, groups that contain them all, and one device with its fixes."""
    site = posture(picture)
    assert site.points == round(sum(term.points for term in site.terms), 1)
    rows, cursor = [], ""
    while True:
        page = scores(picture, limit=7, cursor=cursor)
        rows += page.rows
        cursor = page.cursor
        if not cursor:
            break
    assert [row.points for row in rows] == sorted((row.points for row in rows), reverse=True)
    assert (
        len({row.id for row in rows})
        == len(rows)
        == page.total
        == sum(site.devices.values())
        == sum(page.facets["band"].values())
    )
    for by in GROUPS:
        assert sum(sum(group.devices.values()) for group in groups(picture, by)) == len(rows)
    assert {row.type for row in scores(picture, ScoreFilter(type=("camera",))).rows} == {"camera"}
    assert camera in {row.id for row in scores(picture, ScoreFilter(text="10.20.10.62", band=("high",))).rows}
    one = device_posture(picture, camera)
    assert min(fix.points for fix in one.fixes) < one.score.points
    with pytest.raises(Unknown):
        device_posture(picture, "dev-none")
    with pytest.raises(Unknown) as raised:
        scores(picture, ScoreFilter(band=("hihg",)))
    assert raised.value.near == "high"
    with pytest.raises(Malformed):
        scores(picture, sort="name", cursor=scores(picture, limit=3).cursor)


def test_findings(picture: Picture) -> None:
    """Affected devices come first; each CVE has as many devices as findings; device, type and text are filters."""
    page = findings(picture, limit=1000)
    verdicts = [row.verdict for row in page.rows]
    assert verdicts == sorted(verdicts, key=("affected", "unknown").index)
    assert verdicts[0] == "affected"
    listed = vulnerabilities(picture, limit=1000)
    assert sum(row.affected + row.unknown for row in listed.rows) == page.total == len(page.rows)
    assert [bool(row.affected) for row in listed.rows] == sorted(
        (bool(row.affected) for row in listed.rows), reverse=True
    )
    first = page.rows[0]
    assert {row.device for row in findings(picture, VulnerabilityFilter(device=(first.device,))).rows} == {first.device}
    assert (
        first
        in findings(picture, VulnerabilityFilter(cve=first.cve.lower(), text=f"{first.address} {first.model}")).rows
    )
    assert first.terms
    assert all(claim["value"] == first.firmware for claim in first.evidence)
    assert findings(picture, VulnerabilityFilter(text="no-such-word")).total == 0
    assert {row.verdict for row in findings(picture, VulnerabilityFilter(verdict=("not_affected",))).rows} == {
        "not_affected"
    }
    with pytest.raises(Unknown):
        findings(picture, VulnerabilityFilter(verdict=("afected",)))
    for cve in ("log4shell", "CVE-2021", "CVE-1999-99999999"):
        with pytest.raises(Malformed):
            findings(picture, VulnerabilityFilter(cve=cve))
    with pytest.raises(Unknown):
        findings(picture, VulnerabilityFilter(device=("dev-none",)))


def test_devices_that_are_affected(picture: Picture) -> None:
    """Each device counts once, as affected if one CVE affects it, even if others are undetermined."""
    found = every_finding(picture, VulnerabilityFilter(state=()))
    affected, unclear = affected_and_unclear(found)
    verdicts = {row.device: {one.verdict for one in found if one.device == row.device} for row in found}
    assert affected == sum("affected" in each for each in verdicts.values()) > 0
    assert unclear == sum(each == {"unknown"} for each in verdicts.values())
    assert affected_and_unclear([]) == (0, 0)


def test_attack_paths(picture: Picture, camera: str) -> None:
    """Paths from the compromised camera to critical devices, and their choke points."""
    found = paths(picture)
    assert found.baseline
    assert found.page.total == len(found.page.rows) > 0
    for row in found.page.rows:
        assert (row.hops[-1].target, sum(hop.cost for hop in row.hops)) == (row.goal, row.cost)
    assert found.breaks
    assert all(0 < one.broken <= found.pairs for one in found.breaks)
    assert all(row.sources == [camera] for row in paths(picture, PathFilter(source=camera)).page.rows)
    assert paths(picture, PathFilter(source=OUTSIDE)).sources == 1
    with pytest.raises(Unknown):
        paths(picture, PathFilter(goal="dev-none"))


def test_tickets(picture: Picture, office_folder: Path, camera: str) -> None:
    """All are new if none was sent, and nothing is written; a single one has its devices; a damaged
    ledger is an error.
    """
    page = tickets(picture, office_folder, Policy(), limit=1000)
    assert {row.state for row in page.rows} == {"new"}
    assert page.total == len(page.rows) == sum(page.facets["severity"].values())
    assert not (office_folder / LEDGER).exists()
    mine = tickets(picture, office_folder, Policy(), TicketFilter(device=camera, severity="medium")).rows
    assert mine
    assert all(camera in {one.id for one in row.devices} for row in mine)
    assert ticket(picture, office_folder, Policy(), mine[0].id) == mine[0]
    assert [row.due for row in tickets(picture, office_folder, Policy(), sort="due").rows] == sorted(
        row.due for row in page.rows
    )[:100]
    with pytest.raises(Unknown):
        ticket(picture, office_folder, Policy(), "ticket-none")


def test_a_damaged_ledger_is_not_an_empty_one(picture: Picture, tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_text("{", encoding="utf-8")
    with pytest.raises(NotReadable):
        tickets(picture, tmp_path, Policy())


def test_conversations(picture: Picture, camera: str) -> None:
    """Each conversation is listed once, filtered by device, network, service and direction."""
    page = conversations(picture, limit=1000)
    keys = [(row.client.id, row.server.id, row.server.name, row.server.address, row.service) for row in page.rows]
    assert len(set(keys)) == len(keys) == page.total > 20
    assert page.facets["direction"]["internal"] == sum(
        OUTSIDE not in (row.client.id, row.server.id) for row in page.rows
    )

    def every(**wanted: Any) -> list[ConversationRow]:
        found = conversations(picture, ConversationFilter(**wanted), limit=1000)
        assert found.total == len(found.rows) > 0, wanted
        return found.rows

    assert all(camera in (row.client.id, row.server.id) for row in every(device=camera))
    assert all(row.direction == "outbound" for row in every(direction=("outbound",)))
    assert all(row.service == "dns/53" for row in every(service=("dns/53",)))
    assert {row.client.id for row in every(address="10.20.10.62")} | {
        row.server.id for row in every(address="10.20.10.62")
    } >= {camera}
    newest = page.rows[0].last
    assert all(row.last >= newest for row in every(since=newest))
    with pytest.raises(Malformed):
        conversations(picture, ConversationFilter(address="10.20.10.300"))
    with pytest.raises(Unknown):
        conversations(picture, ConversationFilter(device="dev-none"))

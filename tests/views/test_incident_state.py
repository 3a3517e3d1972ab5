"""The state of an incident: that of its alerts, until the sensor records its end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sensor.cli.main import main
from sensor.tables.build import catch_up
from sensor.views.dataset import open_folder
from sensor.views.stories import StoryFilter, incident, incidents
from tests.views.conftest import LOG


def states(folder: Path) -> dict[str, str]:
    catch_up(folder, folder / LOG)
    with open_folder(folder) as data:
        rows = incidents(data).rows
        assert [incident(data, row.id).state for row in rows] == [row.state for row in rows]
        for state in ("open", "closed"):
            page = incidents(data, StoryFilter(state=(state,)))
            assert [row.id for row in page.rows] == [row.id for row in rows if row.state == state]
            assert page.total == len(page.rows) == page.facets["state"].get(state, 0)
        return {row.id: row.state for row in rows}


def test_closed_with_the_last_of_its_alerts(
    office_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not before, and open again with one that is reopened; others stay open."""
    folder = tmp_path / "state"
    shutil.copytree(office_folder, folder)
    with open_folder(folder) as data:
        row = max(incidents(data).rows, key=lambda row: len(row.record["incident"]["story"]))
        alerts = sorted({chapter["alert"] for chapter in row.record["incident"]["story"]})
    assert len(alerts) > 1
    seen = []
    for action, names in (("close", alerts[1:]), ("close", alerts[:1]), ("reopen", alerts[:1])):
        assert main(["alerts", action, *names, "--author", "anna", "--state", str(folder)]) == 0
        found = states(folder)
        seen.append(found.pop(row.id))
        assert set(found.values()) == {"open"}
    assert seen == ["open", "closed", "open"]
    assert main(["alerts", "close", alerts[0], "--author", "anna", "--state", str(folder)]) == 0
    capsys.readouterr()
    assert main(["alerts", "incidents", "--status", "closed", "--state", str(folder)]) == 0
    assert " closed " in capsys.readouterr().out
    assert main(["alerts", "show", row.id, "--state", str(folder)]) == 0
    assert ", closed)" in capsys.readouterr().out

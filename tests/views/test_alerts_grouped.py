"""Alerts by detector, actor and target: the numbers are those of the lists to which the groups lead."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sensor.core.severities import SEVERITIES
from sensor.views import alerts_grouped
from sensor.views.alert_filter import AlertFilter
from sensor.views.alerts import AlertRow, alerts
from sensor.views.alerts_grouped import BY, grouped
from sensor.views.dataset import Data
from sensor.views.errors import Malformed, Unknown

FIELDS = {"detector": "detector", "actor": "source", "target": "target"}
OPEN = AlertFilter(state=("open",), severity="medium")


def narrowed(wanted: AlertFilter, by: str, value: str) -> AlertFilter:
    return replace(wanted, **{FIELDS[by]: (value,) if by == "detector" else value})


def worst(rows: list[AlertRow]) -> str:
    there = [row for row in rows if row.state != "closed"]
    return SEVERITIES[max(SEVERITIES.index(row.severity) for row in there or rows)]


@pytest.mark.parametrize("wanted", [AlertFilter(), OPEN, AlertFilter(text="dns*")], ids=["all", "open", "text"])
@pytest.mark.parametrize("by", BY)
def test_groups_have_the_numbers_of_their_lists(office: Data, by: str, wanted: AlertFilter) -> None:
    found = grouped(office, by, wanted)
    assert found.rows or wanted.text
    for row in found.rows:
        listed = alerts(office, narrowed(wanted, by, row.value), "last", limit=500).rows
        assert (row.alerts, row.last) == (len(listed), listed[0].last)
        assert row.open == sum(one.state != "closed" for one in listed)
        assert row.severity == worst(listed)
    assert not found.more


def test_the_most_severe_open_alerts_are_first(office: Data) -> None:
    levels = [(SEVERITIES.index(row.severity), row.open > 0) for row in grouped(office, "detector").rows]
    assert levels == sorted(levels, reverse=True)
    assert len(levels) > 3


def test_alerts_without_a_target_are_counted(office: Data) -> None:
    found = grouped(office, "target")
    total = alerts(office).total
    with_target = {one.id for row in found.rows for one in alerts(office, AlertFilter(target=row.value)).rows}
    assert found.alone == total - len(with_target)


def test_too_many_groups_or_alerts(made: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    found = grouped(made, "actor")
    assert (found.more, len(found.rows)) == (True, alerts_grouped.SHOWN)
    monkeypatch.setattr(alerts_grouped, "MOST", 100)
    with pytest.raises(Malformed) as caught:
        grouped(made, "detector")
    assert caught.value.field == "by"


def test_an_unknown_grouping(office: Data) -> None:
    with pytest.raises(Unknown) as caught:
        grouped(office, "actr")
    assert caught.value.near == "actor"

"""Commands, the API and SQL over traffic records give the same numbers, and the same names to the same fields."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.console.kit import output_of

# A list of the API, the command, how often, and the fields that only look alike: a device in a finding is an object in
# one and an id in the other, terms and steps are objects in one and tuples in the other.
LISTS = (
    ("/devices", ("devices",), 38, ()),
    ("/alerts", ("alerts",), 7, ()),
    ("/incidents", ("alerts", "incidents"), 3, ()),
    ("/recommendations", ("posture", "recommendations"), 16, ()),
    ("/vulnerabilities", ("vulns",), 39, ("device", "terms")),
    ("/tickets", ("tickets",), 14, ("devices", "steps")),
)


@pytest.fixture
def command(office_folder: Path) -> Any:
    return lambda *words: [json.loads(line) for line in output_of(*words, "--state", str(office_folder)).splitlines()]


def items(program: httpx.Client, path: str) -> list[dict[str, Any]]:
    return list(program.get(path, params={"limit": 1000}).json()["items"])


def name_of(item: dict[str, Any]) -> Any:
    """What identifies an item of a list of the API or of a command."""
    if "cve" in item:
        return item["cve"], item["device"]["id"] if isinstance(item["device"], dict) else item["device"]
    return (item.get(item.get("kind", "")) or item)["id"]


@pytest.mark.parametrize(("path", "words", "count", "differ"), LISTS, ids=[one[0] for one in LISTS])
def test_a_list(
    program: httpx.Client, command: Any, path: str, words: tuple[str, ...], count: int, differ: tuple[str, ...]
) -> None:
    """The same items; a field that both have has one value. Records in the API are those of the command, which adds the
    state.
    """
    listed = {name_of(one): one for one in command(*words, "--json")}
    served = {name_of(one): one for one in items(program, path)}
    assert len(served) == count
    assert listed.keys() == served.keys()
    for name, one in served.items():
        other = one.get("record", one)
        same = (other.keys() & listed[name].keys()) - set(differ)
        assert same
        kind = other.get("kind", "")
        state = {kind: other[kind] | {"state": one["state"]}} if kind in other else {}
        assert {key: (other | state)[key] for key in same} == {key: listed[name][key] for key in same}


def test_fields_of_findings_and_steps(program: httpx.Client, command: Any) -> None:
    """The command has each field of the API, where the device is an object; a step has its vendor."""
    (finding, *_), (found, *_) = items(program, "/vulnerabilities"), command("vulns", "--json")
    device = found["device"] | {"device": found["device"]["id"], "addresses": found["device"]["ips"]}
    assert finding.keys() - found.keys() - device.keys() == {"vlan"}
    served = {one["id"]: one["steps"] for one in items(program, "/tickets")}
    for ticket in command("tickets", "--json"):
        assert [(one["vendor"], one["text"]) for one in ticket["steps"]] == [
            (one["vendor"], one["text"]) for one in served[ticket["id"]]
        ]


def test_counts_of_records(program: httpx.Client, command: Any) -> None:
    """SQL counts the devices, alerts by severity, findings, connections and bytes that lists and top talkers have."""

    def sql(query: str) -> list[dict[str, Any]]:
        return command("hunt", "sql", query, "--json")

    severities = Counter(one["severity"] for one in items(program, "/alerts"))
    last = "SELECT last(severity ORDER BY ts) AS severity FROM alert GROUP BY alert"
    assert Counter(one["severity"] for one in sql(last)) == severities
    verdicts = Counter(one["verdict"] for one in items(program, "/vulnerabilities"))
    found = sql("SELECT verdict, count(*) AS n FROM vulnerability WHERE verdict IN ('affected', 'unknown') GROUP BY 1")
    assert {one["verdict"]: one["n"] for one in found} == verdicts
    (devices,) = sql("SELECT count(DISTINCT device) AS n FROM device")
    assert devices["n"] == len(items(program, "/devices"))
    (whole,) = sql("SELECT count(*) AS connections, sum(src_bytes + dst_bytes) AS bytes FROM conn")
    top = command("records", "top", "--json", "-n", "1000")
    assert (sum(one["connections"] for one in top), sum(one["bytes"] for one in top)) == (
        whole["connections"],
        whole["bytes"],
    )


def test_an_overview(program: httpx.Client, command: Any) -> None:
    """The figures of the overview are the totals of the lists."""
    (overview,) = command("overview", "--json")
    totals = {
        path: program.get(path, params={"state": "open", "limit": 1}).json()["total"]
        for path in ("/alerts", "/incidents", "/recommendations")
    }
    assert {f"/{name}": overview[name]["open"] for name in ("alerts", "incidents", "recommendations")} == totals
    site = program.get("/posture").json()["item"]
    assert (overview["exposure"]["points"], overview["exposure"]["band"]) == (site["points"], site["band"])
    assert overview["exposure"]["devices"] == site["devices"]
    assert [one["points"] for one in overview["fixes"]] == [one["points"] for one in site["fixes"][:5]]

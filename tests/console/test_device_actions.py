"""Changes on device pages are those of `sensor devices`: both see the same values; changes are audited and undone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from sensor.console.api.client import ApiError, Client
from sensor.views.devices import DeviceFilter
from tests.console.kit import Running, csrf_of, output_of

CAMERA, OTHER = "10.20.10.62", "10.20.10.61"


@pytest.fixture
def there(start, own: Path) -> Running:
    return start(own)


def by_command(state: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    """The devices as the command lists them, by address."""
    found = output_of("devices", "--json", "--state", str(state), *arguments)
    return {ip: one for one in map(json.loads, found.splitlines()) for ip in one.get("ips", ())}


def history(state: Path, name: str) -> str:
    return output_of("devices", "history", name, "--state", str(state))


def id_of(client: httpx.Client, address: str) -> str:
    return str(client.get("/api/v1/devices", params={"address": address}).json()["items"][0]["id"])


def act(client: httpx.Client, **fields: str | list[str]) -> httpx.Response:
    """Sends the form as a page of this session does."""
    return client.post("/devices/act", data={"csrf": csrf_of(client.get("/devices").text), **fields})


def undo(client: httpx.Client, done: httpx.Response) -> httpx.Response:
    page = client.get(done.headers["location"]).text
    found = re.search(r'action="(/devices/undo[^"]*)".*?name="name" value="([^"]+)"', page, re.DOTALL)
    assert found is not None
    return client.post(found[1], data={"csrf": csrf_of(page), "name": found[2], "back": "/devices"})


def test_values_of_one_device_are_set_seen_by_the_command_and_undone(there: Running) -> None:
    """Only changed values are written; an empty field restores the observed value."""
    with there.client() as client:
        camera = id_of(client, CAMERA)
        form = {"action": "set", "device": camera, "back": "device", "owner": "facilities", "type": "hub"}
        done = act(client, **form, criticality="high", vendor="", reason="asked them")
        assert done.status_code == 303
        assert done.headers["location"].startswith(f"/devices/{camera}?done=")
        found = by_command(there.state)[CAMERA]
        assert (found["owner"], found["type"], found["criticality"]) == ("facilities", "hub", "high")
        assert found["vendor"] == "Hikvision"
        assert "asked them" in history(there.state, CAMERA)
        assert act(client, **form, criticality="high").status_code == 400  # nothing has changed
        assert act(client, **form | {"type": ""}, criticality="high").status_code == 303
        assert by_command(there.state)[CAMERA]["type"] == "camera"
        assert undo(client, done).status_code == 303
        found = by_command(there.state)[CAMERA]
        assert (found["type"], found.get("owner"), found.get("criticality")) == ("camera", None, None)


def test_many_are_tagged_and_brought_back_at_once(there: Running) -> None:
    with there.client() as client:
        ids = [id_of(client, address) for address in (CAMERA, OTHER)]
        assert act(client, action="tag", device=ids[:1], tags="lobby").status_code == 303
        done = act(client, action="tag", device=ids, tags="cctv, lobby", filter="type=camera")
        assert parameters_of(done) == {"type", "done"}
        assert [by_command(there.state)[one]["tags"] for one in (CAMERA, OTHER)] == [["cctv", "lobby"]] * 2
        assert undo(client, done).status_code == 303
        found = by_command(there.state)
        assert (found[CAMERA]["tags"], found[OTHER].get("tags")) == (["lobby"], None)
        assert act(client, action="untag", device=ids, tags="lobby").status_code == 303
        assert by_command(there.state)[CAMERA].get("tags") is None
        done = act(client, action="set", device=ids, field="owner", value="facilities")
        assert {by_command(there.state)[one]["owner"] for one in (CAMERA, OTHER)} == {"facilities"}
        entries = [json.loads(line) for line in (there.state / "console-audit.jsonl").read_text().splitlines()]
        reported = [(one["who"], one["action"], one["count"]) for one in entries if one["action"].startswith("device")]
        assert reported[-1] == ("anna", "device set", 2)


def parameters_of(answer: httpx.Response) -> set[str]:
    return set(httpx.URL(answer.headers["location"]).params)


def test_a_program_sets_values_as_the_page_does(there: Running) -> None:
    """A token of its scope; the command sees them. Invalid values and unknown fields are refused."""
    client = Client(there.url, there.token("write"))
    camera = next(iter(client.devices(DeviceFilter(address=CAMERA)))).id
    record = client.set_values(camera, {"owner": "facilities", "tags": "b, a"}, "asset list")
    assert (record["device"]["owner"], record["device"]["tags"]) == ("facilities", ["a", "b"])
    assert by_command(there.state)[CAMERA]["owner"] == "facilities"
    assert "asset list" in history(there.state, CAMERA)
    for values in ({"criticality": "x"}, {"colour": "red"}, {"owner": "facilities"}):
        with pytest.raises(ApiError) as error:
            client.set_values(camera, values)
        assert error.value.problem.status == 400
    with pytest.raises(ApiError) as error:
        Client(there.url, there.token("read")).set_values(camera, {"owner": "x"})
    assert error.value.problem.status == 403


def test_two_devices_are_merged_and_split_by_the_next_run(there: Running) -> None:
    """The order waits for the sensor; the history lists it with an undo button."""
    with there.client() as client:
        camera = id_of(client, CAMERA)
        done = act(client, action="merge", device=camera, other=OTHER, back="device")
        assert done.status_code == 303
        assert "pending" in history(there.state, CAMERA)
        page = client.get(f"/devices/{camera}").text
        number = re.search(r'name="number" value="(\d+)"', page)
        assert number is not None
        assert act(client, action="undo", device=camera, number=number[1], back="device").status_code == 303
        assert "undone" in history(there.state, CAMERA)
        assert act(client, action="undo", device=camera, number=number[1], back="device").status_code == 400
        assert act(client, action="split", device=camera, other=CAMERA, back="device").status_code == 303
        assert f"split ip:{CAMERA}" in history(there.state, CAMERA)


NONSENSE: tuple[tuple[dict[str, Any], int], ...] = (
    ({"action": "set", "type": "submarine"}, 400),
    ({"action": "set", "field": "serial", "value": "1"}, 400),
    ({"action": "tag", "tags": " , "}, 400),
    ({"action": "merge", "other": CAMERA}, 400),
    ({"action": "merge", "other": "nobody"}, 400),
    ({"action": "merge", "other": "10.20.10."}, 400),
    ({"action": "split", "other": "192.0.2.1"}, 400),
    ({"action": "undo", "number": "m1; DROP TABLE words"}, 400),
    ({"action": "purge"}, 400),
    ({"action": "tag", "tags": "x", "device": "dev-nothing"}, 404),
    ({"action": "tag", "tags": "x", "device": []}, 400),
    ({"action": "tag", "tags": "x", "csrf": "guessed"}, 403),
)


def test_what_makes_no_sense_is_refused_and_changes_nothing(there: Running) -> None:
    """An invalid value writes nothing, and no line of the audit log."""
    with there.client() as client:
        camera = id_of(client, CAMERA)
        for fields, status in NONSENSE:
            assert (fields, act(client, **{"device": camera, **fields}).status_code) == (fields, status)
        assert "device" not in {
            json.loads(line)["action"].split()[0]
            for line in (there.state / "console-audit.jsonl").read_text().splitlines()
        }
        assert not re.search(r"^\S+ \S+ +\d+ ", history(there.state, CAMERA), re.MULTILINE)


def test_who_may_only_read_changes_nothing_and_sees_no_form(there: Running) -> None:
    with there.client(scope="read") as client:
        camera = id_of(client, CAMERA)
        assert "/devices/act" not in client.get(f"/devices/{camera}").text + client.get("/devices").text
        answer = client.post(
            "/devices/act",
            data={"csrf": csrf_of(client.get("/devices").text), "action": "tag", "tags": "x", "device": camera},
        )
        assert answer.status_code == 403


def test_a_value_is_text_and_never_markup(there: Running) -> None:
    """An operator's value is shown unchanged, and is not a link."""
    with there.client() as client:
        camera = id_of(client, CAMERA)
        text = "<script>alert(1)</script>"
        assert act(client, action="set", device=camera, name=text, note=text).status_code == 303
        for path in ("/devices", f"/devices/{camera}", "/audit"):
            page = client.get(path).text
            assert text not in page
            assert "&lt;script&gt;alert" in page
        done = act(client, action="tag", device=camera, tags="x")
        page = client.get(done.headers["location"]).text
        name = re.search(r'name="name" value="([^"]+)"', page)
        assert name is not None
        answer = client.post(
            "/devices/undo", data={"csrf": csrf_of(page), "name": name[1], "back": "https://evil.example/"}
        )
        assert answer.headers["location"] == "/"

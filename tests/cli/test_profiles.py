"""sensor profiles: from the observed traffic of the office to MUD files, allow-lists, installed profiles, and devices
that violate them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensor.cli.main import main
from sensor.posture.profiles.mud import read
from tests.cli.conftest import Result
from tests.cli.faults import reports
from tests.golden import Golden

PCAPS = Path(__file__).parents[2] / "pcaps"
CAMERA, C2, ROLE = "10.20.10.62", "203.0.113.66", "lateral_movement.role_violation"
NAS = "my-controller=10.20.10.5"


@pytest.fixture
def office(office: Path, tmp_path: Path) -> Path:
    """A copy of the office, in which profiles can be installed."""
    return Path(shutil.copytree(office, tmp_path / "office"))


@pytest.fixture
def profiles(run_cli, office: Path) -> Callable[..., Result]:
    return lambda *arguments: run_cli(
        "profiles", *arguments, "--state", str(office), "--events", str(office / "events.jsonl")
    )


@pytest.fixture
def camera(profiles, tmp_path: Path) -> str:
    """The profile of a camera, as a file."""
    path = str(tmp_path / "camera.json")
    assert profiles("make", CAMERA, "-o", path).code == 0
    return path


# Making profiles.


def test_a_camera_that_was_taken_over(golden: Golden, profiles) -> None:
    """The profile has the flows it needs, by resolved name; its C2 server is excluded because of an alert, which is
    reported beside the file, not in it.
    """
    result = profiles("make", CAMERA)
    assert result.code == 0
    golden(result.err.splitlines()[0])
    assert "dev.hik-connect.example" in result.out
    assert C2 not in result.out
    golden(result.err, "https/8443")
    assert f"install it with --controller {NAS}" in result.err
    assert C2 in profiles("make", CAMERA, "--alerted").out


def test_the_baseline_shows_what_a_camera_reached_outside(run_cli, office: Path) -> None:
    """External servers are shown by the resolved name, or by address: profiles are made of these."""
    result = run_cli("baseline", "show", CAMERA, "--state", str(office))
    assert [line.split()[1:3] for line in result.lines if line.startswith("reaches")] == [
        ["ntp/123", "198.51.100.123"],
        ["https/443", "dev.hik-connect.example"],
        ["https/8443", C2],
    ]


def test_of_a_type_and_of_a_product(profiles, tmp_path: Path) -> None:
    """A profile covers all devices of a type or product; it has vendor and model if they are the same."""
    phones, printer = tmp_path / "phones.json", tmp_path / "printer.json"
    assert "5 devices" in profiles("make", "--type", "voip_phone", "-o", str(phones)).err
    assert (
        profiles(
            "make",
            "--product",
            "hikvision ds-2cd2143g0-i",
            "-o",
            str(printer),
            "--url",
            "https://mud.example.net/c.json",
        ).code
        == 0
    )
    assert read(printer).profile().url == "https://mud.example.net/c.json"
    assert (read(printer).profile().vendor, read(phones).profile().vendor) == ("Hikvision", "")


@pytest.mark.parametrize("name", ["csv", "fortios", "ios", "iptables", "nftables"])
def test_an_allow_list_for_a_firewall(profiles, name: str) -> None:
    result = profiles("make", CAMERA, "--format", name)
    assert result.code == 0
    assert "dev.hik-connect.example" in result.out
    assert C2 not in "".join(line for line in result.lines if not line.startswith(("#", "!")))


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("make",), 2, ("usage.missing-argument", "--type", "--product")),
        (("make", CAMERA, "--type", "camera"), 2, ("usage.conflicting-options", "--type", "--product")),
        (("make", "--type", "camra"), 1, ("device.unknown", "'camra'", "'camera'")),
        (("make", "--product", "Axis Q1"), 1, ("device.unknown", "'Axis Q1'")),
        (("make", "10.9.9.9"), 1, ("device.unknown", "'10.9.9.9'")),
        (("make", CAMERA, "10.9.9.9"), 1, ("device.unknown", "'10.9.9.9'")),
        (
            ("make", CAMERA, "--format", "panos"),
            2,
            ("usage.invalid-value", "--format", "ip6tables"),
        ),
        (("make", CAMERA, "--url", "http://x"), 2, ("usage.invalid-value", "--url")),
        (("make", CAMERA, "-o", "/nowhere/x.json"), 3, ("file.not-written",)),
    ],
    ids=str,
)
def test_what_cannot_be_made_is_reported(
    profiles, arguments: tuple[str, ...], code: int, text: tuple[str, ...]
) -> None:
    result = profiles(*arguments)
    assert (result.code, result.out) == (code, "")
    assert reports(result, *text), result.err


def test_without_an_inventory_there_is_nothing_to_make_it_of(run_cli, office: Path, tmp_path: Path) -> None:
    """A log has devices, but not their flows."""
    result = run_cli("profiles", "make", CAMERA, "--events", str(office / "events.jsonl"))
    assert result.code == 6
    assert "events.jsonl" in result.err
    assert run_cli("profiles", "make", CAMERA, "--state", str(tmp_path / "none")).code == 3


# Installed profiles.


def test_installed_shown_and_removed(golden: Golden, profiles, camera: str) -> None:
    """An installed profile is shown with its device and owner; its rules are shown as text and as the original file."""
    golden(profiles("list").out)
    result = profiles("install", camera, "--type", "camera", "--controller", NAS)
    golden(result.out)
    assert profiles("install", camera, "--type", "camera", "--controller", NAS).out.startswith("replaced: ")
    (row,) = profiles("list").lines[1:]
    assert row.split()[:3] == ["type-camera", "type", "camera"]
    assert json.loads(profiles("list", "--json").out)["controllers"] == "my-controller"
    shown = profiles("show", "type-camera")
    assert "  my-controller is 10.20.10.5" in shown.lines
    assert "    accept  tcp remote port 443, dev.hik-connect.example (IPv4), initiated by the device" in shown.lines
    assert json.loads(profiles("show", "type-camera", "--json").out) == json.loads(
        Path(camera).read_text(encoding="utf-8")
    )
    assert profiles("remove", "type-camera").code == 0
    assert profiles("show", "type-camera").code == 1


def test_what_goes_beyond_a_profile_was_seen_before(golden: Golden, profiles, camera: str) -> None:
    """The camera's C2 server violates the profile; all its other traffic conforms."""
    assert profiles("check").err.endswith("`sensor profiles install`\n")
    profiles("install", camera, "--for", CAMERA, "--controller", NAS)
    result = profiles("check")
    assert result.code == 1
    golden(result.lines[-1])
    assert result.lines[1].split()[3:6] == ["uses", "https/8443", C2]
    body = json.loads(profiles("check", "--json").out)
    assert (body["does"], body["with"], body["address"]) == ("uses", C2, CAMERA)
    whole = camera.replace("camera.json", "whole.json")
    profiles("make", CAMERA, "--alerted", "-o", whole)
    profiles("install", whole, "--for", CAMERA, "--controller", NAS)
    golden(profiles("check").out)


def test_a_sensor_takes_the_word_of_an_installed_profile(profiles, office: Path, camera: str, tmp_path: Path) -> None:
    """The office again, without any threat list: the C2 server is an alert, the camera's cloud is not."""
    profiles("install", camera, "--for", CAMERA, "--controller", NAS)
    log = tmp_path / "again.jsonl"
    assert main(["replay", "--state", str(office), "--events", str(log), str(PCAPS / "office.pcapng")]) == 0
    records = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    found: list[dict[str, Any]] = [
        one
        for one in records
        if one["kind"] == "alert" and one["action"] == "open" and one["alert"]["detector"] == ROLE
    ]
    assert {(one["src"]["ip"], one["dst"]["ip"]) for one in found if one["alert"]["numbers"]["rule"] == "profile"} == {
        (CAMERA, C2)
    }


def test_a_broken_profile_is_reported_when_a_run_begins(run_cli, office: Path, tmp_path: Path) -> None:
    """The fault is reported on standard error and in the log, with its place; the run continues."""
    broken = office / "profiles" / "broken.json"
    broken.parent.mkdir()
    broken.write_text('{"for": {"type": "camera"},', encoding="utf-8")
    log = tmp_path / "again.jsonl"
    result = run_cli("replay", "--state", str(office), "--events", str(log), str(PCAPS / "office.pcapng"))
    assert (result.code, f"{broken}:1:28: found invalid JSON" in result.err) == (0, True)
    (record,) = [
        one
        for one in map(json.loads, log.read_text(encoding="utf-8").splitlines())
        if "faults in profiles skipped" in one["msg"]
    ]
    assert str(broken) in record["msg"]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("install",), 2, ("usage.missing-argument", "--for")),
        (("install", "FILE"), 2, ("usage.missing-argument", "--for")),
        (
            ("install", "FILE", "--type", "camera"),
            2,
            ("file.invalid", "--controller"),
        ),
        (
            ("install", "FILE", "--type", "camera", "--controller", "my-controller=x"),
            2,
            ("file.invalid", "--controller"),
        ),
        (
            ("install", "FILE", "--type", "camera", "--controller", NAS, "--controller", "boss=10.0.0.1"),
            2,
            ("file.invalid", "--controller"),
        ),
        (("install", "FILE", "--type", "camra", "--controller", NAS), 2, ("usage.invalid-value", "--type", "'camera'")),
        (("install", "FILE", "--for", "10.9.9.9", "--controller", NAS), 1, ("device.unknown", "'10.9.9.9'")),
        (("install", "/nowhere.json", "--type", "camera"), 3, ("file.not-read",)),
        (("show", "../inventory"), 1, ("usage.missing-argument",)),
        (("show", "nobody"), 1, ("profile.unknown", "'nobody'")),
        (("check", "nobody"), 1, ("profile.unknown", "'nobody'")),
    ],
    ids=str,
)
def test_what_cannot_be_installed_is_reported(
    profiles, camera: str, arguments: tuple[str, ...], code: int, text: tuple[str, ...]
) -> None:
    result = profiles(*(camera if word == "FILE" else word for word in arguments))
    assert (result.code, result.out) == (code, "")
    assert reports(result, *text), result.err


def test_a_file_that_is_none_is_reported_with_its_place(golden: Golden, profiles, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text('{"ietf-mud:mud": {\n  "mud-version": 1\n}}', encoding="utf-8")
    result = profiles("install", str(path), "--type", "camera")
    assert result.code == 2
    golden(result.err, "1:18")


def test_a_file_of_a_vendor_with_unsupported_parts(golden: Golden, profiles, tmp_path: Path) -> None:
    """A vendor's file is installed, and unsupported parts are named; control characters do not reach the terminal."""
    matches = {"ipv4": {"dscp": 10, "ietf-acldns:dst-dnsname": "cloud.example"}}
    body = {
        "ietf-mud:mud": {
            "mud-version": 1, "mud-url": "https://maker.example/x", "last-update": "2026-11-24T08:00:00Z",
            "is-supported": True,
            "systeminfo": "a \x1b[31mred\x1b[0m camera",
            "from-device-policy": {"access-lists": {"access-list": [{"name": "a"}]}},
        },
        "ietf-access-control-list:acls": {"acl": [{"name": "a",
        "aces": {"ace": [{"name": "b", "matches": matches, "actions": {"forwarding": "accept"}}]}}]},
    }  # fmt: skip
    path = tmp_path / "maker.json"
    path.write_text(json.dumps(body), encoding="utf-8")
    result = profiles("install", str(path), "--type", "camera")
    assert result.code == 0
    golden(result.err, "dscp")
    shown = profiles("show", "type-camera").out
    assert "accept  all protocols, cloud.example (IPv4); not supported: dscp" in shown
    assert "\x1b" not in shown


def test_a_broken_file_in_the_folder_is_reported_and_the_others_are_listed(profiles, office: Path, camera: str) -> None:
    profiles("install", camera, "--type", "camera", "--controller", NAS)
    broken = office / "profiles" / "broken.json"
    broken.write_text("{", encoding="utf-8")
    result = profiles("list")
    assert (result.code, len(result.lines)) == (2, 2)
    assert f"{broken}:1:2: found invalid JSON" in result.err
    assert profiles("show", "broken").code == 1

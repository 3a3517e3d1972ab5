"""Checks of all devices: weaknesses are reported with the observations of packets, and closed when those change."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable

import msgspec
import pytest

from sensor.core.addresses import parse
from sensor.core.device import Attribute, Device
from sensor.core.observation import Evidence, Subject
from sensor.core.record import RecordMaker
from sensor.core.record_parts import time_text
from sensor.core.time_units import SECOND
from sensor.inventory.roster import Member
from sensor.posture.recommendations.checks import CheckResult
from sensor.posture.recommendations.names import DefaultNames
from sensor.posture.weakness import of_recommendation
from tests.core.test_record import numbered, validator
from tests.detectors.stories import START, TCP, UDP, Story, World
from tests.golden import Golden
from tests.posture.recommendations.fleets import known, living, member, populated
from tests.posture.recommendations.settings import DAY
from tests.posture.recommendations.test_advisor import HOUR, Watch

# START is in November 2023.
CAMERA, OTHER = "10.0.0.5", "10.0.0.6"
AXIS = {"vendor": "Axis", "model": "P3245-V"}
OFFICE = {"workstation": 20, "router": 1, "unknown": 5}


def watch(*devices: Device, world: World | None = None, cases: int = 64) -> Watch:
    """An advisor for a network of these devices."""
    made = Watch(living(world or World(), devices), cases)
    made.advisor.tick(START)
    return list_of(made, *devices)


def list_of(made: Watch, *devices: Device, seen: Iterable[int | None] = itertools.repeat(None)) -> Watch:
    """The same advisor, with these devices in its inventory; ``seen``: the hour in which each was last seen."""
    living(made.world, devices)
    present = [made.world.devices[parse(each.key.removeprefix("ip:"))] for each in devices]
    made.members = [
        member(each, seen=None if hour is None else START + hour * HOUR * SECOND)
        for each, hour in zip(present, seen, strict=False)
    ]
    return made


@pytest.mark.parametrize(
    ("devices", "setting"),
    [
        ([known("camera", CAMERA, "axis-accc8eaabbcc")], "default_name"),
        ([known("workstation", CAMERA, "PC-1", os="Windows 7")], "end_of_life"),
        ([known("switch", CAMERA, "sw", vendor="Cisco", model="WS-C3560G-24PS")], "end_of_life"),
        (
            [
                known("camera", CAMERA, "gate", firmware="9.80.3", **AXIS),
                known("camera", OTHER, "yard", firmware="9.80.55", **AXIS),
            ],
            "firmware_behind",
        ),
    ],
)
def test_what_is_known_of_a_device_is_reported(golden: Golden, devices: list[Device], setting: str) -> None:
    """A weakness is opened once after an hour with its observations; its record is valid under the schema."""
    made = watch(*devices).at(HOUR - 1)
    assert made.reported == []
    [(action, reported, at, closed)] = made.at(HOUR).reported
    assert (action, reported.setting, at, closed) == ("open", setting, HOUR, "")
    golden([reported.summary, reported.seen])
    made.at(2 * HOUR).at(3 * HOUR)
    assert made.actions == ["open"]
    record = numbered(RecordMaker("s", version="1").recommendation(action, reported, START, made.world.device))
    validator().validate(record)
    assert [(proof["src"]["ip"], proof["ts"]) for proof in record["evidence"]] == [
        (one.key[3:], time_text(START)) for one in devices
    ]
    assert record["recommendation"]["count"] == (2 if setting == "default_name" else 3)
    assert of_recommendation(record, "dev-1").fix.key == "|".join(
        filter(None, ("setting", setting, record["recommendation"].get("product", "")))
    )


def serving(address: str, **programs: float) -> Device:
    """A server with these programs, each with the certainty of its banner."""
    made = known("server", address, "db")
    pieces = [
        Evidence("software", program, sure, "x", family, f"{family}.version", program, START, START, 3)
        for program, sure in programs.items()
        for family in [program.split()[0].lower()]
    ]
    made.attributes["software"] = Attribute("software", ", ".join(programs), min(programs.values()), tuple(pieces))
    return made


def test_an_unsupported_program_of_several() -> None:
    """A database server without updates is reported with the banner of that program, whatever else runs beside it. A
    supported version and an uncertain banner are not.
    """
    old = {"nginx 1.26.3": 0.8, "PostgreSQL 9.6.24": 0.9, "Samba": 0.4}
    made = watch(serving(CAMERA, **old), serving(OTHER, **{"PostgreSQL 15.3": 0.9, "nginx 1.26.3": 0.8})).at(HOUR)
    [(action, reported, _, _)] = made.reported
    assert (action, reported.setting, reported.product) == ("open", "end_of_life", "PostgreSQL 9.6")
    assert [proof["facts"]["software"] for proof in reported.proof] == ["PostgreSQL 9.6.24"]
    assert watch(serving(CAMERA, **{"PostgreSQL 9.6.24": 0.4, "nginx 1.26.3": 0.8})).at(HOUR).reported == []
    upgraded = serving(CAMERA, **{"nginx 1.26.3": 0.8, "PostgreSQL 15.3": 0.9})
    assert list_of(made, upgraded).at(2 * HOUR).of("end_of_life") == ["open", "close"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([known("camera", CAMERA, "ipcam")], [known("camera", CAMERA, "gate-east")]),
        (
            [known("server", CAMERA, "s", os="Windows Server 2008 R2")],
            [known("server", CAMERA, "s", os="Windows Server 2022")],
        ),
        (
            [
                known("camera", CAMERA, "gate", firmware="9.80.3", **AXIS),
                known("camera", OTHER, "yard", firmware="9.80.55", **AXIS),
            ],
            [
                known("camera", CAMERA, "gate", firmware="9.80.55", **AXIS),
                known("camera", OTHER, "yard", firmware="9.80.55", **AXIS),
            ],
        ),
    ],
)
def test_it_is_closed_when_the_device_reports_otherwise(
    golden: Golden, before: list[Device], after: list[Device]
) -> None:
    """A changed value closes it at the next check."""
    made = list_of(watch(*before).at(HOUR), *after).at(2 * HOUR)
    assert made.actions == ["open", "close"]
    golden(made.reported[1][3])


def test_it_is_reported_again_once_a_day_while_the_device_goes_on_reporting_it() -> None:
    """A silent device is not reported again, and its weakness is not closed."""
    old = known("workstation", CAMERA, "PC-1", os="Windows 7")
    made = watch(old).at(HOUR)
    for hour in range(2, 50):
        made.at(hour * HOUR)
    assert made.actions == ["open"]
    again = known("workstation", CAMERA, "PC-1", ts=START + 50 * HOUR * SECOND, os="Windows 7")
    list_of(made, again).at(51 * HOUR).at(52 * HOUR)
    assert made.actions == ["open", "update"]
    made.members = [member(again, quiet=True, gone=True)]
    made.at(100 * DAY)
    assert made.actions == ["open", "update"]


@pytest.mark.parametrize(("stale", "text", "requested"), [(False, 0, False), (True, 0, True), (False, 50 * HOUR, True)])
def test_a_device_is_looked_up_only_where_its_proof_may_be_newer(
    stale: bool, text: int, requested: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that was read after its last packet is not read again."""
    made, requested_devices = watch(known("workstation", CAMERA, os="Windows 7")).at(HOUR), []
    again = known("workstation", CAMERA, ts=START + text * SECOND, os="Windows 7")
    list_of(made, again)
    made.members = [member(made.world.devices[parse(CAMERA)], stale=stale)]
    device = made.world.device
    monkeypatch.setattr(made.world, "device", lambda subject: requested_devices.append(subject) or device(subject))
    made.at(51 * HOUR)
    assert bool(requested_devices) is requested
    assert made.actions == ["open", "update"][: 1 + bool(text)]


def test_a_device_that_turned_out_to_be_another_is_closed(golden: Golden) -> None:
    """The other device is reported by its own id."""
    made = watch(known("camera", CAMERA, "ipcam")).at(HOUR)
    list_of(made, known("camera", OTHER, "ipcam")).at(2 * HOUR)
    assert [(action, reported.subject.address) for action, reported, _, _ in made.reported] == [
        ("open", parse(CAMERA)),
        ("open", parse(OTHER)),
        ("close", parse(CAMERA)),
    ]
    golden(made.reported[-1][3])


def test_nothing_is_opened_about_a_device_that_is_gone() -> None:
    """A device that is gone gets no new recommendation."""
    made = watch(known("camera", CAMERA, "ipcam"))
    made.members = [member(made.world.devices[parse(CAMERA)], gone=True)]
    assert made.at(HOUR).reported == []


def test_the_end_looks_as_well() -> None:
    """Pending checks are done at the end of a short capture."""
    made = watch(known("camera", CAMERA, "ipcam"))
    made.advisor.finish(START + 5 * SECOND)
    assert made.of("default_name") == ["open"]


def test_support_ends_on_its_day() -> None:
    """The end of support is compared with packet time, as for an old capture."""
    made = watch(known("workstation", CAMERA, "PC-1", os="Windows 10"))
    made.at(HOUR)
    assert made.reported == []
    day = 1_760_486_400 - START // SECOND  # 2025-10-15
    assert made.at(day - 1).reported == []
    assert made.at(day + HOUR).actions == ["open"]


@pytest.mark.parametrize(
    "what", ["operator", "contested", "unsure", "another kind of message", "other numbers", "older than a branch"]
)
def test_what_packets_do_not_prove_is_not_reported(what: str) -> None:
    """Values of users, contested values, low confidence, and versions that differ in format or have no order are not
    reported.
    """
    mine = known("camera", CAMERA, "gate", firmware="9.80.3", **AXIS)
    newer = known("camera", OTHER, "yard", firmware="9.80.55", **AXIS)
    reported = mine.attributes["firmware"]
    [proof] = reported.evidence
    if what == "operator":
        proof = msgspec.structs.replace(proof, family="operator")
    elif what == "another kind of message":
        proof = msgspec.structs.replace(proof, kind="sip.user_agent")
    mine.attributes["firmware"] = Attribute(
        "firmware", reported.value, 0.4 if what == "unsure" else 0.9, (proof,), what == "contested"
    )
    if what == "other numbers":
        newer = known("camera", OTHER, "yard", firmware="build A", **AXIS)
    elif what == "older than a branch":
        newer = known("camera", OTHER, "yard", firmware="11.11.3", **AXIS)
    assert watch(mine, newer).at(HOUR).reported == []


def test_other_models_are_not_compared() -> None:
    """Firmware versions of other models and vendors are not compared."""
    mine = known("camera", CAMERA, "gate", firmware="9.80.3", **AXIS)
    others = (
        known("camera", OTHER, "yard", firmware="9.80.55", vendor="Axis", model="P3247"),
        known("camera", "10.0.0.7", "hall", firmware="10.1", model="P3245-V"),
    )
    assert watch(mine, *others).at(HOUR).reported == []


def test_a_camera_among_desks_is_reported_and_closed_when_it_moves(golden: Golden) -> None:
    """The evidence is that of the device type; the segment is reported with its device types."""
    camera = known("camera", CAMERA, "gate")
    made = watch(camera, world=populated(World(), OFFICE | {"camera": 1}))
    [(_, reported, _, _)] = made.at(HOUR).reported
    assert reported.setting == "wrong_segment"
    golden(reported.seen)
    moved = known("camera", "10.0.9.5", "gate", ts=START + SECOND)
    moved = msgspec.structs.replace(moved, id=camera.id, key=camera.key, addresses={parse("10.0.9.5"): START + SECOND})
    made.world.devices = {parse("10.0.9.5"): moved}
    made.members = [member(moved)]
    made.at(2 * HOUR)
    assert made.actions == ["open", "close"]
    golden(made.reported[1][3])


def test_link_local_addresses_are_no_place() -> None:
    """Link-local addresses identify no segment."""
    world = populated(World(), OFFICE | {"camera": 1}, "fe80::/64")
    assert watch(known("camera", "fe80::5", "gate"), world=world).at(HOUR).reported == []
    world = populated(World(), OFFICE | {"camera": 1}, "fd00::/64")
    assert watch(known("camera", "fd00::5", "gate"), world=world).at(HOUR).actions == ["open"]


def test_a_desk_among_cameras_is_reported() -> None:
    """A workstation in a camera segment is reported, a recorder is not."""
    world = populated(World(), {"camera": 12, "nvr": 1, "workstation": 1})
    made = watch(known("workstation", CAMERA, "PC-1"), known("nvr", OTHER, "recorder"), world=world)
    [(_, reported, _, _)] = made.at(HOUR).reported
    assert (reported.setting, reported.subject.address) == ("wrong_segment", parse(CAMERA))


def reaching(made: Watch, *servers: tuple[str, str, str]) -> Watch:
    """The device at CAMERA contacted these external servers: (name, address, service)."""
    story = Story()
    for name, address, service in servers:
        proto, _, port = service.partition("/")
        story.converse(0, CAMERA, address, int(port), proto=TCP if proto == "tcp" else UDP)
        made.world.names[parse(address)] = (name,) if name else ()
    made.world.learned(story, hours=0)
    return made


CLOUD = ("print.cloud.example", "198.51.100.7", "tcp/443")
NAMELESS = ("", "198.51.100.9", "tcp/8883")


def test_a_printer_that_communicates_outside_is_reported_with_what(golden: Golden) -> None:
    """External servers are reported by name, or by address without one; two weeks without contact close it."""
    made = watch(known("printer", CAMERA, "PRN-3F"))
    reaching(made, CLOUD, NAMELESS).at(HOUR)
    [(_, reported, _, _)] = made.reported
    assert (reported.setting, reported.count) == ("internet", 2)
    golden(reported.seen)
    record = numbered(RecordMaker("s", version="1").recommendation("open", reported, START, made.world.device))
    validator().validate(record)
    assert [(proof.get("dst"), proof["facts"]["server"]) for proof in record["evidence"]] == [
        ({"ip": "198.51.100.9", "port": 8883}, "198.51.100.9"),
        (None, "print.cloud.example"),
    ]
    made.at(30 * DAY)
    assert made.actions == ["open"]  # it was silent
    made.world.baseline.learn(
        START + 31 * DAY * SECOND, Subject(0, parse(CAMERA)), Subject(0, parse(OTHER)), 6 << 16 | 631, outside=False
    )
    made.at(31 * DAY + HOUR)
    assert made.actions == ["open", "close"]
    golden(made.reported[1][3])


@pytest.mark.parametrize(
    ("kind", "vendor", "server"),
    [
        ("tv", "LG", CLOUD),
        ("conferencing", "Zoom", CLOUD),
        ("camera", "Ring", CLOUD),
        ("camera", "", ("vs-cam.u011.immedia-semi.com", "198.51.100.7", "tcp/443")),
        ("ups", "APC", CLOUD),  # exposure.internet_access raises an alert about it
        ("camera", "Axis", ("pool.ntp.example", "198.51.100.7", "udp/123")),
        ("camera", "Axis", ("dns.example", "198.51.100.7", "udp/53")),
        ("voip_phone", "Yealink", ("sip.example", "198.51.100.7", "udp/5060")),
        ("voip_phone", "Yealink", ("media.example", "198.51.100.7", "udp/17000")),
    ],
)
def test_whose_job_is_outside_is_left_alone(kind: str, vendor: str, server: tuple[str, str, str]) -> None:
    """Internet-dependent device types, vendors with a cloud service, and usual services are not reported."""
    made = watch(known(kind, CAMERA, "one", vendor=vendor))
    assert reaching(made, server).at(HOUR).reported == []


@pytest.mark.parametrize(
    "kinds",
    [
        {"workstation": 5, "camera": 1},  # too few
        {"workstation": 12, "camera": 6},  # not clear
        {"workstation": 20, "camera": 5},  # has other devices of its type
        {"workstation": 20, "camera": 1, "unknown": 60},  # most types are unknown
        {"camera": 20},
        {"router": 20, "camera": 1},
    ],
)
def test_a_segment_that_is_not_clear_reports_nothing(kinds: dict[str, int]) -> None:
    """A segment of mixed types, and one of the device's own type, are not reported."""
    assert watch(known("camera", CAMERA, "gate"), world=populated(World(), kinds)).at(HOUR).reported == []


def test_a_name_that_no_packet_gave_is_not_reported() -> None:
    """A name set by the operator, and one without an observation, are not reported."""
    camera = known("camera", CAMERA, "gate")
    camera.names = {"ipcam": START}
    assert watch(camera).at(HOUR).reported == []


def test_where_there_is_no_room_nothing_is_reported_again_and_again() -> None:
    """In a full table open recommendations stay, and no others are opened."""
    made = watch(*(known("camera", f"10.0.0.{n}", "ipcam") for n in range(1, 11)), cases=4)
    for hour in range(1, 30):
        made.at(hour * HOUR)
    assert made.actions == ["open"] * 4


def checked(made: Watch, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """The devices whose name a round checks."""
    several: list[str] = []
    evaluate = DefaultNames.evaluate

    def counted(look: DefaultNames, one: Member) -> CheckResult | None:
        several.append(one.device.key)
        return evaluate(look, one)

    def of(hour: int) -> list[str]:
        several.clear()
        made.at(hour * HOUR)
        return several

    monkeypatch.setattr(DefaultNames, "evaluate", counted)
    return of


def test_silent_devices_are_checked_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every hour only devices are checked that were seen since, and once a day all of them; also if the clock was set
    back, and if the operator changed the accepted settings.
    """
    gate, yard = known("camera", CAMERA, "gate"), known("camera", OTHER, "yard")
    made = watch(gate, yard)
    of = checked(made, monkeypatch)
    rounds = {}
    for hour in range(1, 28):
        list_of(made, gate, yard, seen=(0, hour))
        rounds[hour] = list(of(hour))
    assert rounds[1] == rounds[25] == [gate.key, yard.key]
    assert all(rounds[hour] == [yard.key] for hour in (*range(3, 25), 27))
    list_of(made, gate, yard, seen=(0, 0))
    assert of(28) == []
    made.advisor.settled = frozenset({"internet"})
    assert of(29) == of(20) == [gate.key, yard.key]


def test_a_silent_device_is_reported_when_another_has_newer_firmware() -> None:
    """What a device is compared with changes without a packet of the device."""
    gate, yard, updated = (
        known("camera", address, name, firmware=firmware, **AXIS)
        for address, name, firmware in (
            (CAMERA, "gate", "9.80.3"),
            (OTHER, "yard", "9.80.3"),
            (OTHER, "yard", "9.80.55"),
        )
    )
    made = list_of(watch(gate, yard), gate, yard, seen=(0, 0))
    for hour in range(1, 5):
        made.at(hour * HOUR)
    assert made.reported == []
    assert list_of(made, gate, updated, seen=(0, 4)).at(5 * HOUR).of("firmware_behind") == ["open"]


def test_a_silent_camera_is_reported_when_its_segment_fills_with_desks() -> None:
    """So does a segment."""
    camera = known("camera", CAMERA, "gate")
    made = list_of(watch(camera), camera, seen=(0,))
    for hour in range(1, 5):
        made.at(hour * HOUR)
    assert made.reported == []
    populated(made.world, OFFICE)
    assert made.at(5 * HOUR).of("wrong_segment") == ["open"]


def test_ten_thousand_devices_delay_nothing() -> None:
    """Some devices are checked each second: at most about 30 ms of CPU in a second, 0.2 s for all once weaknesses are
    reported.
    """
    devices = [
        known(
            "camera",
            f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}",
            f"cam-{n}",
            firmware=f"9.80.{n // 50 % 5}",
            vendor="Axis",
            model=f"P{n % 50}",
        )
        for n in range(256, 10_256)
    ]
    made, took = watch(*devices, cases=16384), []
    for second in (*range(HOUR, HOUR + 300), *range(2 * HOUR, 2 * HOUR + 300)):
        began = time.thread_time()
        made.at(second)
        took.append(time.thread_time() - began)
    reported, again = took[:300], took[300:]
    print(
        f"reported: longest {max(reported):.3f} s, in all {sum(reported):.2f} s; again: longest {max(again):.3f} s, "
        f"in all {sum(again):.2f} s"
    )
    assert made.actions == ["open"] * 8000
    assert max(took) < 1.5
    assert sum(again) < 3

"""A configuration that changes during a live run: keys that apply at once, keys that wait, and faults, which change
nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensor.config import Config, load_config
from sensor.config_values import AT_ONCE, _plain, differences
from sensor.core.addresses import parse
from sensor.inventory.store.store import Store
from sensor.runtime.daemon import Run
from sensor.runtime.keeper import KNOWLEDGE, MIXED, Keeper
from tests import sampling
from tests.detectors.stories import device
from tests.golden import Golden
from tests.kit import tcp_frame
from tests.live_kit import Sensor, Step, alerts, sensor_records
from tests.runtime.test_assembly import GOOD, discover, write

SCAN = "discovery.port_scan"
PROFILE = """{"for": {"type": "TYPE"}, "profile": {"ietf-mud:mud": {
  "mud-version": 1, "mud-url": "https://maker.example/x", "last-update": "2026-11-24T08:00:00Z", "is-supported": true}}}"""
# Opened or sized at the start.
AT_THE_START = {
    "capture",
    "console.oidc",
    "datasets",
    "events",
    "inventory.devices",
    "memory_mib",
    "records",
    "sensor.id",
    "state",
    "tables",
    "telemetry",
}


@pytest.fixture
def sensor(tmp_path: Path) -> Callable[[str], Sensor]:
    return lambda text: Sensor(tmp_path, text)


def refused(first: int, count: int) -> list[bytes]:
    """Connection attempts to ports of one host, all of them refused."""
    frames = []
    for port in range(first, first + count):
        frames += [
            tcp_frame("10.0.0.5", "10.0.0.6", dport=port, flags=2),
            tcp_frame("10.0.0.6", "10.0.0.5", sport=port, dport=40000, flags=0x14),
        ]
    return frames


def answered(address: str, port: int) -> list[bytes]:
    return [
        tcp_frame("10.0.0.5", address, sport=port, dport=443, flags=2),
        tcp_frame(address, "10.0.0.5", sport=443, dport=port, flags=0x12),
    ]


# Key, the configuration before and after, and how a run shows which of the two applies.
Before = Callable[[Run], Any]
COUNTS: list[tuple[str, str, str, Before, Any, Any]] = [
    ("networks", "networks: []", "networks: [203.0.113.0/24]",
    lambda run: run.engine.world.networks.inside(parse("203.0.113.9")), False, True),
    ("roles.scanner", "roles: {}", "roles: {scanner: [10.0.0.5]}", lambda run: len(run.engine._scorer.roles._blocks),
    0, 1),
    ("sensor.site", "sensor: {site: here}", "sensor: {site: there}", lambda run: run.pipeline.maker.site, "here",
    "there"),
    ("preset", "preset: balanced", "preset: quiet",
    lambda run: run.pipeline.alert_processor._least.name, "info", "medium"),
    ("alerts.least", "alerts: {}", "alerts: {least: high}",
    lambda run: run.pipeline.alert_processor._least.name, "info", "high"),
    ("alerts.suppression_h", "alerts: {}", "alerts: {suppression_h: 4}",
    lambda run: run.pipeline.alert_processor.aggregator.suppression // 3_600_000_000_000, 2, 4),
    ("alerts.suppression_low_h", "alerts: {}", "alerts: {suppression_low_h: 24}",
    lambda run: run.pipeline.alert_processor.aggregator.low_suppression // 3_600_000_000_000, 96, 24),
    ("alerts.incident_h", "alerts: {}", "alerts: {incident_h: 3}",
    lambda run: run.pipeline.alert_processor.incidents.gap // 3_600_000_000_000, 2, 3),
    ("inventory.gone_after_h", "{}", "inventory: {gone_after_h: 1}",
    lambda run: run.pipeline.inventory.limits.gone_ns // 3_600_000_000_000, 24, 1),
    ("evidence.mib", "evidence: {mib: 2}", "evidence: {mib: 3}", lambda run: run.files._writer._room >> 20, 2, 3),
    ("evidence.enabled", "{}", "evidence: {enabled: false}", lambda run: run.pipeline.evidence is None, False, True),
    ("evidence.enabled", "evidence: {enabled: false}", "evidence: {enabled: true}",
    lambda run: run.pipeline.alert_processor.evidence is None, True, False),
    ("evidence.folder", "{}", "evidence: {folder: other}", lambda run: run.files._writer.folder.name, "evidence",
    "other"),
    ("evidence.folder", "{}", "evidence: {folder: other}", lambda run: [folder.name for folder in run._folders()][1:],
    ["evidence"], ["other"]),
    ("retention.size_mib", "{}", "retention: {size_mib: 16}", lambda run: run.log._retention._size >> 20, 4096, 16),
    ("retention.segment_mib", "{}", "retention: {segment_mib: 1}", lambda run: run.log._appender._limit >> 20, 64, 1),
    ("retention.memory_mib", "{}", "retention: {memory_mib: 2}", lambda run: run.log._backlog.limit >> 20, 8, 2),
    ("retention.commit_ms", "{}", "retention: {commit_ms: 100}", lambda run: run.log._commit_s, 0.2, 0.1),
]  # fmt: skip


@pytest.mark.parametrize(("key", "before", "after", "shown", "was", "now"), COUNTS, ids=[one[0] for one in COUNTS])
def test_what_counts_at_once(
    golden: Golden, sensor: Any, key: str, before: str, after: str, shown: Before, was: Any, now: Any
) -> None:
    """The run changes its behaviour at the reload; the log names the changed key, and nothing requires a restart."""
    one, seen = sensor(before), []
    look = one.then(lambda run: seen.append(shown(run)))
    records = one.live(refused(20, 1), look, one.reload(after), look)
    assert seen == [was, now]
    [config] = sensor_records(records, "config")
    assert (config["severity"], config["facts"]) == ("info", {"changed": [key]})
    golden(config["msg"])


def test_every_key_is_one_or_the_other(tmp_path: Path) -> None:
    """A key of the configuration either applies at once, which a test shows, or is listed as waiting for a restart."""
    keys = {key for key in _plain(Config()) if not key.startswith("detectors.")}
    waiting = {key for key in keys if not any(key == one or key.startswith(f"{one}.") for one in AT_ONCE)}
    assert {key for key in waiting if key not in AT_THE_START and key.partition(".")[0] not in AT_THE_START} == set()
    at_once = {one for one in AT_ONCE if one not in ("detectors", "outputs")}
    assert all(any(key == one or key.startswith(f"{one}.") for key in keys) for one in at_once)


def test_what_waits_for_the_next_start_is_named(golden: Golden, sensor: Any) -> None:
    """Such a key is named as long as it differs from the value at the start; all other keys apply meanwhile."""
    one = sensor("{}")
    text = "tables: {flow_bits: 18}\ncapture: {snaplen: 128}\nsensor: {site: there}\n"
    records = one.live(
        refused(20, 1), one.reload(text), one.reload(text + "networks: [203.0.113.0/24]\n"), one.reload("{}")
    )
    golden([record["msg"] for record in sensor_records(records, "config")])
    assert sensor_records(records, "config")[0]["facts"]["restart"] == ["capture.snaplen", "tables.flow_bits"]


def test_detectors_that_are_as_they_were_keep_what_they_counted(sensor: Any) -> None:
    """Ten ports before an unrelated reload and ten after it are a scan of twenty. No packet is lost."""
    one = sensor(f"detectors: {{{SCAN}: {{ports: 15}}}}")
    records = one.live(
        refused(20, 10),
        one.reload(f"networks: [203.0.113.0/24]\ndetectors: {{{SCAN}: {{ports: 15}}}}"),
        refused(30, 10),
    )
    [alert] = alerts(records, SCAN)
    assert alert["alert"]["numbers"]["failed"] == 15
    assert sensor_records(records, "summary")[-1]["capture"]["packets"] == 40


def test_a_detector_with_other_options_begins_again(sensor: Any) -> None:
    """Ten ports under the old threshold do not count under the new one; twelve more do."""
    one = sensor(f"detectors: {{{SCAN}: {{ports: 15}}}}")
    records = one.live(
        refused(20, 10),
        one.reload(f"detectors: {{{SCAN}: {{ports: 12}}}}"),
        refused(30, 9),
        one.then(lambda _: None),
        refused(40, 5),
    )
    [alert] = alerts(records, SCAN)
    assert alert["alert"]["numbers"]["threshold"] == 12
    assert sensor_records(records, "config")[0]["facts"]["changed"] == [f"detectors.{SCAN}"]


def test_detectors_are_switched_off_and_on(sensor: Any) -> None:
    """A disabled detector raises no alert; once enabled again, it does."""
    off, on = f"detectors: {{{SCAN}: {{enabled: false}}}}", "{}"
    one = sensor(on)
    records = one.live(one.reload(off), refused(20, 40), one.reload(on), refused(100, 40))
    assert len(alerts(records, SCAN)) == 1
    assert sensor_records(records, "config")[-1]["facts"]["changed"] == [f"detectors.{SCAN}"]


def test_a_broken_configuration_changes_nothing(golden: Golden, sensor: Any) -> None:
    """Nothing changes; log and status report the place of the fault, the same fault once; once fixed, it applies."""
    one = sensor("networks: [203.0.113.0/24]\n")
    status: list[str] = []
    look = one.then(lambda run: status.append(run._status()))
    broken = "networks: [203.0.113.0/24]\ncapture:\n  interface: eth0\nroles: {scanner: [nobody]}\n"
    inside = one.then(lambda run: status.append(str(run.engine.world.networks.inside(parse("203.0.113.9")))))
    records = one.live(
        refused(20, 1), one.reload(broken), look, inside, one.reload(broken), one.reload("networks: []\n"), look, inside
    )
    rejected, right = sensor_records(records, "config")
    place = f"{one.path}:3:3: found the key 'interface'"
    assert (rejected["severity"], right["severity"]) == ("low", "info")
    assert f": {place}" in rejected["msg"]
    assert rejected["msg"].endswith("(and 1 more)")
    assert len(rejected["facts"]["faults"]) == 2
    golden(status[0], "configuration")
    assert "wrong" not in status[2]
    assert status[1::2] == ["True", "False"]
    assert one.run.reloader.state.refused == 2


def test_a_configuration_that_is_gone(golden: Golden, sensor: Any) -> None:
    """A file that is missing or, after the change of the user, unreadable is reported by name."""
    one = sensor("{}")

    def away() -> Callable[[], bool]:
        one.path.unlink()
        return one.reload()()

    records = one.live(refused(20, 1), away)
    [rejected] = sensor_records(records, "config")
    golden(rejected["msg"], "1:1")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_ours_in_reading_changes_nothing(golden: Golden, sensor: Any) -> None:
    """An unexpected internal error ends the reload, not the sensor; the next reload works."""
    one = sensor("{}")

    def breaks() -> Callable[[], bool]:
        one.run.reloader._read, right = lambda: 1 // 0, one.run.reloader._read
        over = one.reload()()

        def fixed() -> bool:
            if over():
                one.run.reloader._read = right
                return True
            return False

        return fixed

    records = one.live(refused(20, 1), breaks, one.reload("networks: [203.0.113.0/24]"), refused(30, 1))
    rejected, right = sensor_records(records, "config")
    golden(rejected["msg"])
    assert right["facts"]["changed"] == ["networks"]
    assert sensor_records(records, "summary")[-1]["capture"]["packets"] == 4


RULE = """\
  - id: {name}
    title: An odd port
    summary: "{{src}} uses an odd port"
    severity: medium
    false_positives: none
    advice: look
    when: flow.answered
    where: {{dst.port: {port}}}
    by: src
    count: 2
    within: 1h
"""


def test_rules_are_read_again(sensor: Any, tmp_path: Path) -> None:
    """A new rule applies; an unchanged one keeps its count; a faulty file changes no rule and is reported."""
    one = sensor("{}")
    new = "rules:\n" + RULE.format(name="odder", port=444)
    write(tmp_path / "rules" / "one.yaml", "rules:\n" + RULE.format(name="odd", port=443))
    made: list[Any] = []

    def look(run: Run) -> None:
        made.append([detector for detector in run.pipeline.detectors if detector.id.startswith("custom.")])

    def put(name: str, text: str) -> Step:
        return one.then(lambda _: write(tmp_path / "rules" / name, text))

    rejected = put("two.yaml", "rules:\n  - id: 7\n")
    records = one.live(
        one.then(look), answered("10.0.0.9", 40001), put("two.yaml", new), one.reload(), one.then(look), rejected,
        one.reload(), one.then(look),
        one.then(lambda _: (tmp_path / "rules" / "two.yaml").unlink()), one.reload(), one.then(look),
        answered("10.0.0.9", 40002),
    )  # fmt: skip
    old, both = ["custom.odd"], ["custom.odd", "custom.odder"]
    assert [[detector.id for detector in some] for some in made] == [old, both, both, old]
    assert made[0][0] is made[1][0] is made[2][0] is made[3][0]
    assert [record["msg"].partition(": ")[2].partition(":")[0] for record in sensor_records(records, "config")][
        ::2
    ] == ["rules changed"] * 2
    assert f"{tmp_path / 'rules' / 'two.yaml'}:2:" in sensor_records(records, "config")[1]["msg"]
    [alert] = alerts(records, "custom.odd")
    assert alert["alert"]["numbers"]["count"] == 2


def test_rules_that_ask_what_is_inside(sensor: Any, tmp_path: Path) -> None:
    """They use the new internal networks; other rules keep their count."""
    one = sensor("{}")
    inside = (
        RULE.format(name="inside", port=443)
        .replace("{dst.port: 443}", "{dst: inside, dst.port: 443}")
        .replace("count: 2\n", "count: 1\n")
    )
    write(
        tmp_path / "rules" / "one.yaml",
        "rules:\n" + inside.replace("    within: 1h\n", "") + RULE.format(name="other", port=443),
    )
    records = one.live(
        answered("203.0.113.7", 40001), one.pause(), one.reload("networks: [203.0.113.0/24]"),
        answered("203.0.113.8", 40002), one.pause(),
    )  # fmt: skip
    assert sorted(alert["alert"]["detector"] for alert in alerts(records, "custom.")) == [
        "custom.inside",
        "custom.other",
    ]
    [alert] = alerts(records, "custom.inside")
    assert (alert["dst"]["ip"], alert["src"]["port"]) == ("203.0.113.8", 40002)


def test_profiles_are_read_again(sensor: Any, tmp_path: Path) -> None:
    """A new profile applies, a faulty one stays as it was and is reported with its place, a removed one is gone."""
    one, seen = sensor("{}"), list[list[str]]()
    write(tmp_path / "profiles" / "old.json", PROFILE.replace("TYPE", "camera"))

    def look(run: Run) -> None:
        seen.append(
            sorted(
                kind for kind in ("camera", "printer", "tv") if run.engine.world.profiles.has(device(kind, "10.0.0.1"))
            )
        )

    def put(name: str, text: str) -> Step:
        return one.then(lambda _: write(tmp_path / "profiles" / name, text))

    records = one.live(
        one.then(look), put("new.json", PROFILE.replace("TYPE", "printer")), one.reload(), one.then(look),
        put("old.json", '{"for": {"type": "camera"}'), put("tv.json", PROFILE.replace("TYPE", "tv")), one.reload(),
        one.then(look),
        one.then(lambda _: (tmp_path / "profiles" / "new.json").unlink()),
        put("old.json", PROFILE.replace("TYPE", "camera")), one.reload(), one.then(look),
    )  # fmt: skip
    assert seen == [["camera"], ["camera", "printer"], ["camera", "printer", "tv"], ["camera", "tv"]]
    news = sensor_records(records, "config")
    assert [record["facts"]["changed"] for record in news] == [["profiles"]] * 3
    assert f"{tmp_path / 'profiles' / 'old.json'}:1:27: found invalid JSON" in news[1]["msg"]


def test_fingerprints_are_read_again(sensor: Any, tmp_path: Path) -> None:
    """Devices are identified by the new fingerprints without new traffic; observations without a match before are
    evaluated when seen again. The store records the version of the fingerprints.
    """
    one = sensor("fingerprints: {folders: [own]}")
    write(tmp_path / "own" / "tea.yaml", GOOD)
    new = (
        GOOD.replace("type: iot", "type: printer")
        + "  - {id: test.tea, match: {exact: Tea 1}, assert: {vendor: Canon}, certainty: {vendor: 0.9}}\n"
    )
    keeper, seen = Keeper(tmp_path / "state", print), list[Any]()

    def look(run: Run) -> None:
        [device] = run.pipeline.inventory.devices()
        seen.append((device.type, device.value("vendor")))

    records = one.live(
        discover(b"CoffeeMaker 3000"), discover(b"Tea 1"), one.then(look),
        one.then(lambda _: write(tmp_path / "own" / "tea.yaml", new)), one.reload(),
        one.pause(), one.then(look), discover(b"Tea 1\0"), one.then(look), keeper=keeper,
    )  # fmt: skip
    assert [kind for kind, _ in seen] == ["iot", "printer", "printer"]
    assert [vendor == "Canon" for _, vendor in seen] == [False, False, True]
    assert sensor_records(records, "config")[0]["facts"]["changed"] == ["fingerprints"]
    store = Store(tmp_path / "state")
    assert store.meta(KNOWLEDGE) == one.run.engine.known.name != MIXED
    store.close()


def test_a_registry_that_is_newer(sensor: Any, tmp_path: Path) -> None:
    """The vendor of a known MAC follows the new registry in place of the old one."""
    one = sensor("fingerprints: {oui_registry: manuf}")
    write(tmp_path / "manuf", "00:11:22\tOldname\n")
    makers: list[Any] = []

    def organisations(run: Run) -> list[str]:
        [record] = run.pipeline.inventory.table.by_mac.values()
        return [value for kind, value in record.facts if kind == "oui.organisation"]

    def look(run: Run) -> None:
        makers.append(organisations(run))

    def renamed() -> Callable[[], bool]:
        return lambda: "Newname" in organisations(one.run)

    one.live(
        discover(b"x"), one.then(look), one.then(lambda _: write(tmp_path / "manuf",
        "00:11:22\tNewname\n00:11:23\tOther\n")), one.reload(),
        renamed, one.then(look),
    )  # fmt: skip
    assert makers == [["Oldname"], ["Newname"]]


def test_lists_and_mutes_and_outputs(sensor: Any, tmp_path: Path) -> None:
    """New lists apply; mutes of another file apply; the log keeps records that new outputs need."""
    write(tmp_path / "bad.txt", "203.0.113.66\n")
    write(
        tmp_path / "quiet.yaml",
        "mutes:\n  - {id: m1, detector: command_and_control.malicious_address, author: me, reason: test}\n",
    )
    one = sensor("{}")
    out = "outputs: {siem: {type: file, path: out.jsonl}}\n"
    names: list[Any] = []

    def read() -> Callable[[], bool]:
        return lambda: len(one.run._lists.lists) == 1

    def quiet() -> Callable[[], bool]:
        return lambda: len(one.run.pipeline.alert_processor.mutes) == 1

    records = one.live(
        answered("203.0.113.66", 40001), one.reload("intel: [bad.txt]\n" + out), read,
        one.then(lambda run: names.append(run.log._retention._outputs)),
        answered("203.0.113.66", 40002), one.reload("intel: [bad.txt]\nalerts: {mutes: quiet.yaml}\n"), quiet,
        answered("203.0.113.66", 40003),
        one.then(lambda run: names.append(run.log._retention._outputs)),
    )  # fmt: skip
    [alert] = alerts(records, "malicious_address")
    assert alert["src"]["port"] == 40002
    assert names == [["siem"], []]
    assert sensor_records(records, "summary")[-1]["capture"]["muted"]


def test_differences_report_no_values(tmp_path: Path) -> None:
    """Only keys are reported, since outputs may contain secrets. An equivalent spelling is no difference."""
    one = load_config(write(tmp_path / "a.yaml", "outputs: {siem: {type: file, path: a}}\npreset: balanced\n"))
    other = load_config(
        write(
            tmp_path / "b.yaml", "outputs: {siem: {type: file, path: b}, chat: {type: file, path: c}}\ndetectors: {}\n"
        )
    )
    assert differences(one, other) == ["outputs.chat", "outputs.siem"]
    assert differences(one, one) == []


def test_a_secret_of_the_same_place_is_no_difference(tmp_path: Path) -> None:
    """A secret that is read again is another object, but no difference."""
    text = "outputs: {siem: {type: http, url: 'https://siem.example', token: 'env:TOKEN'}}\n"
    one, same = (load_config(write(tmp_path / name, text)) for name in ("a.yaml", "b.yaml"))
    other = load_config(write(tmp_path / "c.yaml", text.replace("TOKEN", "OTHER")))
    assert differences(one, same) == []
    assert differences(one, other) == ["outputs.siem"]


def anonymous_mib() -> float:
    """Anonymous memory of this process."""
    return next(
        int(line.split()[1]) / 1024
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("RssAnon")
    )


@pytest.mark.endurance
@pytest.mark.skipif(sys.platform != "linux", reason="memory is told by /proc")
def test_reloads_without_number_take_no_memory(sensor: Any, tmp_path: Path) -> None:
    """Invalid reloads, then many more valid ones (a hundred for endurance, else thirty) that change detectors,
    networks, outputs and lists: within 10 MB of the memory after a few. Those that kept
    their detectors would take a hundred.
    """
    good = int(os.environ.get("SENSOR_RELOADS", str(sampling.repeated(100, 30))))
    write(
        tmp_path / "rules" / "some.yaml",
        "rules:\n" + "".join(RULE.format(name=f"r{port}", port=port) for port in range(400, 420)),
    )
    write(tmp_path / "own" / "tea.yaml", GOOD)
    both = (
        (
            "fingerprints: {folders: [own]}\nnetworks: [203.0.113.0/24]\noutputs: {siem: {type: file, path: "
            "a}, chat: {type: file, path: b}}\n"
        ),
        (
            f"fingerprints: {{folders: [own]}}\npreset: quiet\noutputs: {{siem: {{type: file, path: "
            f"c}}}}\ndetectors: {{{SCAN}: {{ports: 15}}}}\n"
        ),
    )
    one, taken = sensor(both[0]), list[float]()
    look = one.then(lambda _: taken.append(anonymous_mib()))
    broken = [one.reload(both[0] + "roles: {scanner: [nobody]}\n")] * (good // 10)
    some = [one.reload(both[number % 2]) for number in range(10)]
    many = [one.reload(both[number % 2]) for number in range(good)]
    records = one.live(refused(20, 5), *some, look, *broken, look, *many, look)
    before, after_broken, after = taken
    assert after_broken - before < 10
    assert after - before < 10
    assert len(sensor_records(records, "config")) == 10 + 1 + good
    assert sensor_records(records, "summary")[-1]["capture"]["packets"] == 10

"""One run: from a source to the log, in order, complete after any error, and independent of how packets are split into
batches.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import sensor.eventlog
from sensor.boundary import Fault
from sensor.capture.files import open_captures
from sensor.capture.source import CaptureError, Damage, Tally
from sensor.config import Config, load_config
from sensor.core.batch import ROW, Batch
from sensor.core.time_units import SECOND
from sensor.doctor import watch
from sensor.doctor.card import Card
from sensor.engine.read_ahead import AHEAD
from sensor.eventlog.writer import EventLog
from sensor.registry import units
from sensor.runtime import daemon
from sensor.runtime.daemon import Run
from sensor.runtime.keeper import Keeper
from tests import sampling
from tests.doctor.office import office
from tests.golden import Golden
from tests.kit import tcp_frame, udp_frame
from tests.waiting import until

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(sensor.eventlog.__file__).parent / "schema.json").read_text(encoding="utf-8"))
)
FRAMES = [
    tcp_frame("10.0.0.1", "10.0.0.2", dport=445, flags=2),
    tcp_frame("10.0.0.2", "10.0.0.1", sport=445, dport=40000, flags=0x12),
    udp_frame("10.0.0.3", "10.0.0.2"),
]


class Ears:
    """Collects the lines of the process log."""

    def __init__(self) -> None:
        self.received: list[str] = []

    def warning(self, text: str) -> None:
        self.received.append(text)


class Given:
    """A source of given frames, one per batch and a second apart; None is a silence, an exception is raised."""

    def __init__(self, frames: list[bytes | Exception | None], start: int = 5 * SECOND) -> None:
        self.name, self.names, self.damages = "given", ["given"], list[Damage]()
        self.tally = Tally()
        self.frames, self.start = frames, start
        self.released = self.given = 0
        self.stopped = threading.Event()

    def batches(self) -> Iterator[Batch]:
        for frame in self.frames:
            if self.stopped.is_set():
                return
            if isinstance(frame, Exception):
                raise frame
            yield Batch(np.zeros(0, np.uint8), np.zeros(0, ROW)) if frame is None else self._batch(frame)

    def _batch(self, frame: bytes) -> Batch:
        rows = np.zeros(1, ROW)
        rows["caplen"] = rows["wirelen"] = len(frame)
        rows["link"], rows["ts"] = 1, self.start + SECOND * self.given
        self.given += 1
        self.tally.add(rows)
        return Batch(np.frombuffer(frame, np.uint8), rows, release=self._release)

    def _release(self) -> None:
        self.released += 1

    def backlog(self) -> float:
        return 0.0

    def stop(self) -> None:
        self.stopped.set()

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(None)


@pytest.fixture
def run(config: Config, tmp_path: Path) -> Callable[..., tuple[Run, list[dict[str, Any]]]]:
    """Runs a source to its end; returns the run and the lines of its log, which are valid under the schema."""

    def to_the_end(source: Any, networks: tuple[str, ...] = (), **options: Any) -> tuple[Run, list[dict[str, Any]]]:
        with_log = EventLog(tmp_path / "log", fresh=True)
        one = Run(config.model_copy(update={"networks": networks}), source, with_log, **options)
        try:
            one.run()
        finally:
            with_log.close()
        return one, lines(tmp_path / "log")

    return to_the_end


def lines(path: Path) -> list[dict[str, Any]]:
    """The records of a log; numbered without a gap and valid under the schema."""
    records = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [record["sensor"]["seq"] for record in records] == list(range(1, len(records) + 1))
    for record in records:
        SCHEMA.validate(record)
    return records


def reported(records: list[dict[str, Any]]) -> list[str]:
    return [record["action"] for record in records if record["kind"] == "sensor"]


def test_a_run_begins_sums_up_and_ends(run: Any) -> None:
    """Start and stop have the times of the first and last packet; packets are counted, batches are released."""
    source = Given(FRAMES)
    one, records = run(source)
    assert reported(records) == ["started", "summary", "stopped"]
    assert [record["ts"] for record in records if record["kind"] == "sensor"] == ["1970-01-01T00:00:05.000000Z"] + [
        "1970-01-01T00:00:07.000000Z"
    ] * 2
    summary = next(record for record in records if record["action"] == "summary")["capture"]
    size = sum(map(len, FRAMES))
    counts = {
        "packets": 3,
        "bytes": size,
        "wire_bytes": size,
        "decoded": 3,
        "malformed": 0,
        "truncated": 0,
        "dropped": 0,
        "flows": 2,
        "duration_s": 2.0,
    }
    assert summary | counts | {"source": "given", "linktypes": {"ethernet": 3}, "vlans": []} == summary
    assert source.released == 3
    assert one.log.written == len(records)


def test_the_summary_has_the_vlans_of_frames(run: Any) -> None:
    """Each once, in order; frames without a tag, or with priority only (VLAN 0), have none."""
    frames = [tcp_frame("10.0.0.1", "10.0.0.2", vlan=vlan) for vlan in (20, 0, 4094, 20, 1)]
    _, records = run(Given(frames))
    assert records[-2]["capture"]["vlans"] == [1, 20, 4094]


def test_a_broken_message_is_shown(run: Any) -> None:
    """The summary counts malformed messages by fault and contains one of each: source, destination and first bytes."""
    _, records = run(Given([udp_frame("10.0.0.1", "10.0.0.2", b"\0\x01bad", dport=53)]))
    summary = records[-2]["capture"]
    assert summary["anomalies"] == {"dns: message ends early": 1}
    assert summary["samples"] == [
        "dns: message ends early, 1970-01-01T00:00:05.000000Z 10.0.0.1 > 10.0.0.2: 0001626164"
    ]


def test_broken_frames_are_counted_by_kind(run: Any) -> None:
    """Malformed frames are in the summary, by fault."""
    _, records = run(Given([*FRAMES, FRAMES[0][:20]]))
    summary = records[-2]["capture"]
    assert (summary["packets"], summary["decoded"], summary["malformed"]) == (4, 3, 1)
    assert summary["anomalies"] == {"network_short": 1}


@pytest.mark.parametrize("frames", [[], [None]])
def test_nothing_to_read_is_a_whole_run(run: Any, frames: list[None]) -> None:
    """An empty capture has a start and a stop record with the time 0."""
    _, records = run(Given(frames))
    assert reported(records) == ["started", "summary", "stopped"]
    assert {record["ts"] for record in records} == {"1970-01-01T00:00:00.000000Z"}
    assert records[1]["capture"]["packets"] == 0


def test_packets_of_the_year_zero_are_no_special_case(run: Any) -> None:
    """Packets with a time of 0 are processed like any other."""
    _, records = run(Given(FRAMES, start=0))
    assert reported(records) == ["started", "summary", "stopped"]
    assert records[-2]["capture"]["duration_s"] == 2.0


def test_a_silence_shows_what_is_known(run: Any, tmp_path: Path) -> None:
    """During silence the log is flushed, for readers that follow it."""
    seen: list[int] = []
    source = Given([*FRAMES, None])
    run(source, progress=lambda: seen.append((tmp_path / "log").stat().st_size))
    assert seen[0] == 0
    assert seen[-1] > 0


def test_a_source_that_breaks(run: Any, tmp_path: Path) -> None:
    """An error of the source is raised after all packets before it were processed."""
    with pytest.raises(CaptureError, match="gone"):
        run(Given([*FRAMES, CaptureError("gone")]))
    records = lines(tmp_path / "log")
    assert reported(records) == ["started", "summary", "stopped"]
    assert records[-2]["capture"]["packets"] == 3


def test_the_inventory_is_kept_whatever_happens(run: Any, tmp_path: Path) -> None:
    """After an error of the source the inventory is stored; the next run knows it and reports nothing."""
    frames = [*FRAMES, *FRAMES]
    with pytest.raises(CaptureError):
        run(Given([*frames, CaptureError("gone")]), keeper=Keeper(tmp_path / "state", print))
    assert "new" in [record["action"] for record in lines(tmp_path / "log")]
    _, records = run(Given(frames), keeper=Keeper(tmp_path / "state", print))
    assert [record["action"] for record in records] == ["started", "summary", "stopped"]


def test_a_stop_from_elsewhere(run: Any) -> None:
    """Processed packets are reported; the thread that reads ahead has ended."""
    source = Given(FRAMES * 2000)
    _, records = run(source, progress=source.stop)
    assert reported(records) == ["started", "summary", "stopped"]
    assert 1 <= records[-2]["capture"]["packets"] <= AHEAD + 3
    assert "read-ahead" not in [thread.name for thread in threading.enumerate()]


def test_an_interrupt_in_the_middle(run: Any, tmp_path: Path) -> None:
    """A second Ctrl-C ends the run at once: the log is complete regardless."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Given(FRAMES * 100), progress=interrupt)
    assert reported(lines(tmp_path / "log")) == ["started", "summary", "stopped"]
    assert "read-ahead" not in [thread.name for thread in threading.enumerate()]


def test_reading_ahead_is_bounded(run: Any) -> None:
    """A slow engine blocks the source: one batch is in work, one waits."""
    source = Given(FRAMES * 10)
    ahead: list[int] = []

    def slow() -> None:
        if not ahead:
            until(lambda: source.given >= AHEAD + 1)
        ahead.append(source.given - len(ahead))

    _, records = run(source, progress=slow)
    assert max(ahead) == AHEAD + 1
    assert records[-2]["capture"]["packets"] == len(FRAMES) * 10


def test_live_is_reported_by_the_clock(golden: Golden, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packet loss is checked every minute, reported as health while it lasts, and marked on alerts; damage goes to the
    process log at once.
    """
    monkeypatch.setattr(daemon, "SUMMARY_EVERY_S", -1)
    ears = Ears()
    monkeypatch.setattr(daemon, "log", lambda: ears)
    source = Given([*FRAMES, None], start=time.time_ns())
    source.tally.dropped = {"eth0": 1, "eth1": 0}
    source.damages.append(Damage("eth0", 0, "the interface does not exist; waiting for it", "interface"))
    one, records = run(source, live=True)
    assert reported(records)[:3] == ["started", "summary", "health"]
    assert reported(records)[-1] == "stopped"
    assert reported(records).count("summary") > 3
    health = next(record for record in records if record["action"] == "health")
    assert (health["severity"], health["facts"]["check"], health["facts"]["count"]) == (
        "medium",
        "sensor.packet_loss",
        1,
    )
    assert records[-2]["capture"]["dropped_by"] == {"eth0": 1}
    assert records[-2]["capture"]["dropped"] == 1
    assert one.pipeline.maker.loss == 0.25
    golden(ears.received)
    assert abs(time.time() - np.datetime64(records[0]["ts"][:-1]).astype("datetime64[us]").astype(int) / 1e6) < 60


class Patient(Given):
    """Empty batches between two frames until something happened; ``change`` is called before the first of them."""

    def __init__(self, before: bytes, change: Callable[[], None], happened: Callable[[], bool], after: bytes) -> None:
        super().__init__([before, None, after], time.time_ns())
        self._change, self._happened = change, happened

    def batches(self) -> Iterator[Batch]:
        for number, batch in enumerate(super().batches()):
            if number == 1:
                self._change()
                for _ in range(1000):
                    yield batch
                    if self._happened():
                        break
                    time.sleep(0.01)
            else:
                yield batch


def test_a_live_run_heeds_lists_that_change(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list added during the run applies to the next packet; a rejected one is reported, and the others are used."""
    monkeypatch.setattr(daemon, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(daemon, "_warn", lambda _: None)
    lists, ready = tmp_path / "intel", tmp_path / "ready"
    ready.mkdir()
    (ready / "c2.list").write_text("203.0.113.66\tbotnet\n")
    (ready / "prose.list").write_text("once upon a time\n")

    def change() -> None:
        ready.rename(lists)  # both at once: a list that appears between two checks is loaded separately

    log = EventLog(tmp_path / "log", fresh=True)
    frames = [tcp_frame("10.0.0.5", "203.0.113.66", sport=port, flags=2) for port in (40001, 40002)]
    run = Run(
        config,
        Patient(frames[0], change, lambda: b"read again" in (tmp_path / "log").read_bytes(), frames[1]),
        log,
        live=True,
        lists=lists,
    )
    run.run()
    log.close()
    records = lines(tmp_path / "log")
    assert [(record["action"], record["facts"]["lists"]) for record in records if record["action"] == "config"] == [
        ("config", 1)
    ]
    [health] = [record for record in records if record["action"] == "health"]
    assert "prose.list" in health["msg"]
    [alert] = [record for record in records if record["kind"] == "alert" and record["action"] == "open"]
    assert (alert["alert"]["numbers"]["list"], alert["src"]["port"]) == ("c2", 40002)


def test_a_unit_that_breaks_is_reported_and_its_packet_set_aside(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run continues; the summary names the place, and the packet is stored beside the log as a capture file."""
    import sensor.dissectors
    from sensor.core.dissector import Dissector

    received: list[Fault] = []
    monkeypatch.setattr(daemon, "_report", received.append)
    monkeypatch.setattr(units(sensor.dissectors, Dissector)["tftp"], "dissect", lambda *_: [1 // 0])
    _, records = run(Given([*FRAMES, udp_frame("10.0.0.3", "10.0.0.2", b"\0" * 20, dport=69)]))
    (fault,) = records[-2]["capture"]["faults"]
    assert fault.startswith("tftp: ZeroDivisionError")
    assert [one.unit for one in received] == ["tftp"]
    assert (tmp_path / "log.quarantine.pcap").stat().st_size == 24 + 16 + 42 + 20


def test_a_packet_that_cannot_be_set_aside_does_not_cut_the_log(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full, or the name is taken by a folder: the summary and the end of the run are in the log."""
    import sensor.dissectors
    from sensor.core.dissector import Dissector

    (tmp_path / "log.quarantine.pcap").mkdir()
    monkeypatch.setattr(units(sensor.dissectors, Dissector)["tftp"], "dissect", lambda *_: [1 // 0])
    _, records = run(Given([udp_frame("10.0.0.3", "10.0.0.2", b"\0" * 20, dport=69)]))
    assert [record["action"] for record in records[-2:]] == ["summary", "stopped"]


# Of one packet each, which takes 20 s of CPU, in a complete run; else of several sizes, by the seed.
@pytest.mark.parametrize("rows", [(1,), (7,)] if sampling.WHOLE else [(1, 2, 3, 5, 8, 13, 21, 34, 55)], ids=str)
def test_the_log_does_not_depend_on_how_packets_are_cut(
    config: Config, root: Path, tmp_path: Path, rows: tuple[int, ...]
) -> None:
    """The office capture in batches of any size, twice: the same lines, including ids."""

    class Cut:
        """A source whose batches are split into small ones."""

        def __init__(self, source: Any) -> None:
            self._source = source

        def __getattr__(self, name: str) -> Any:
            return getattr(self._source, name)

        def batches(self) -> Iterator[Batch]:
            for batch in self._source.batches():
                start = 0
                while start < len(batch):
                    end = start + sizes.choice(rows)
                    yield Batch(batch.data, batch.rows[start:end])
                    start = end

    sizes = sampling.chance("batches of the office")
    office = os.path.relpath(root / "pcaps" / "office.pcapng")
    for name, cut in (("whole", False), ("cut", True)):
        source = open_captures([office])
        with_log = EventLog(tmp_path / name)
        Run(config, Cut(source) if cut else source, with_log, intel=[root / "pcaps" / "office.intel.txt"]).run()
        source.close()
        with_log.close()
    assert len(lines(tmp_path / "whole")) > 50
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "whole").read_bytes()


def test_the_health_of_a_file_is_reported_in_its_place(run: Any) -> None:
    """Silence is reported at its time, truncated frames and losses at the end; the summary counts them."""
    source = Given(FRAMES * 40)
    times = iter([*range(5, 65), *range(1065, 1125)])
    source.given = 0
    batch_of, source.tally.dropped = source._batch, {"given": 30}

    def at(frame: bytes) -> Batch:
        source.start = next(times) * SECOND - SECOND * source.given
        return batch_of(frame)

    source._batch = at  # type: ignore[method-assign]
    _, records = run(source)
    health = [(record["facts"]["check"], record["ts"][14:19]) for record in records if record["action"] == "health"]
    assert health == [
        ("sensor.no_traffic", "02:04"),
        ("sensor.traffic_resumed", "17:45"),
        ("sensor.packet_loss", "18:44"),
    ]
    assert records[-2]["capture"]["health"] == {
        "sensor.no_traffic": 1,
        "sensor.traffic_resumed": 1,
        "sensor.packet_loss": 1,
    }


def test_public_hosts_in_no_configured_network(run: Any) -> None:
    """A replay names the blocks once, at its end; with configured networks, and between private hosts, it is silent."""
    public = [frame for _, frame in office("203.0.113")]
    for frames, networks, blocks in (
        (public, (), ["networks: [203.0.113.0/24]"]),
        (public, ("203.0.113.0/24",), []),
        ([frame for _, frame in office()], (), []),
    ):
        _, records = run(Given(frames), networks)
        found = [record for record in records if record.get("facts", {}).get("check") == "sensor.inside"]
        assert [record["facts"]["advice"].partition("example ")[2] for record in found] == blocks
        assert records[-2]["capture"].get("health", {}).get("sensor.inside", 0) == len(blocks)


def test_the_doctor_looks_on(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults of an interface are reported as health during a live run, with the command that fixes them; a replay has
    no interface.
    """
    monkeypatch.setattr(watch, "FIRST_S", 0.0)
    monkeypatch.setattr(
        watch, "look", lambda name: Card(name, there=True, up=True, promiscuous=True, offloads={"rx-gro": True})
    )
    _, records = run(Given([*FRAMES, None], start=time.time_ns()), live=True)
    found = [
        record["facts"]
        for record in records
        if record["action"] == "health" and record["facts"]["check"] == "sensor.offloads"
    ]
    assert [(one["subject"], one["advice"]) for one in found] == [("given", "ethtool -K given gro off")]
    _, records = run(Given(FRAMES))
    assert "sensor.offloads" not in {record.get("facts", {}).get("check") for record in records}

"""Tests do not sleep: they wait for conditions (``tests/waiting.py``). Exceptions are listed with reasons."""

from __future__ import annotations

import re

from tests.principles._source import ROOT

# Programs in the text of tests count too, and so do asynchronous sleeps.
SLEEP = re.compile(r"\bsleep\(")
POLLS = "looks again after a pause, until something holds"
MOMENTS = "kills at a random moment"
SLOW = "plays a slow disk, receiver or writer"
PACE = "sends or writes at a rate"
BLOCK = "the ring hands a block over after its time, which nothing reports"
RUNS = "measures or observes for a given time"
AGAIN = "tries again after a pause, as a sender does"
# file → number of sleeps, and the reason
SLEEPS = {
    "capture/test_files_follow.py": (1, PACE),
    "capture/test_files_merge.py": (1, SLOW),
    "cli/test_doctor.py": (1, PACE),
    "cli/test_forward.py": (2, f"{PACE}; {MOMENTS}"),
    "cli/test_run.py": (1, BLOCK),
    "console/test_help.py": (1, "plays a program that takes a while"),
    "console/test_repetition.py": (1, PACE),
    "console/test_stream.py": (2, "replaces the pauses of a stream by a clock of the test"),
    "docs/test_guide.py": (1, "keeps a socket open until its frame has crossed the mirror"),
    "eventlog/log_writer.py": (1, PACE),
    "hub/bench.py": (1, RUNS),
    "hub/test_cluster.py": (3, MOMENTS),
    "hub/test_kill.py": (2, MOMENTS),
    "inventory/store/test_store.py": (1, MOMENTS),
    "lab/listener.py": (1, SLOW),
    "lab/test_live.py": (7, BLOCK),
    "lab/test_overload.py": (2, f"{PACE}; {BLOCK}"),
    "lab/test_service.py": (2, f"{PACE}; {MOMENTS}"),
    "live_kit.py": (1, POLLS),
    "logs/test_logs.py": (1, "lets the reader of standard error go away"),
    "outputs/batches.py": (1, AGAIN),
    "outputs/servers_kafka.py": (1, POLLS),
    "outputs/test_amqp.py": (1, MOMENTS),
    "outputs/test_http.py": (4, f"{SLOW}; a connection that the receiver closes"),
    "outputs/test_mqtt.py": (1, "is silent for longer than the broker allows"),
    "outputs/test_receiver.py": (1, PACE),
    "outputs/test_relp.py": (3, f"{MOMENTS}; {SLOW}"),
    "outputs/test_syslog.py": (1, SLOW),
    "perf/console_load.py": (3, f"{PACE}; {RUNS}"),
    "perf/live.py": (3, RUNS),
    "perf/paced_sender.py": (1, PACE),
    "perf/test_paced_sender.py": (1, "replaces the pauses of a sender by a clock of the test"),
    "processes.py": (1, POLLS),
    "records/test_kill.py": (1, MOMENTS),
    "reliability/harness.py": (1, MOMENTS),
    "reliability/kill_stories.py": (1, MOMENTS),
    "reliability/maker.py": (1, PACE),
    "reliability/run_stories.py": (2, f"{MOMENTS}; {RUNS}"),
    "reliability/slow_stories.py": (2, RUNS),
    "reliability/soak_memory.py": (1, RUNS),
    "reliability/test_disk.py": (3, f"{SLOW}; {PACE}"),
    "reliability/test_run_log.py": (2, "a disk that fails for a while"),
    "runtime/test_daemon.py": (1, POLLS),
    "runtime/test_keeper.py": (1, SLOW),
    "runtime/test_stop.py": (2, SLOW),
    "systemd/machine.py": (1, POLLS),
    "systemd/test_service.py": (1, RUNS),
    "waiting.py": (1, POLLS),
}


def test_no_test_sleeps_without_a_reason() -> None:
    """A sleep that a test depends on is too short on a busy machine, and too long on all others."""
    tests = ROOT / "tests"
    paths = [path for path in tests.rglob("*.py") if path.name != "test_sleeps.py"]
    assert len(paths) > 500
    counts = {
        path.relative_to(tests).as_posix(): len(SLEEP.findall(path.read_text(encoding="utf-8"))) for path in paths
    }
    assert {name: count for name, count in sorted(counts.items()) if count} == {
        name: count for name, (count, _) in SLEEPS.items()
    }

"""Check the mirror port, the machine and the interfaces.

One line per check: ok, warning or error, the finding, and advice. Nothing is changed, and nothing is sent to the monitored network.
Traffic checks need the capability CAP_NET_RAW; with --file they read a capture instead. Ctrl-C ends the capture early, and its traffic
is checked.

exit codes: 0 no error, 1 an error was found, 2 usage or configuration error, 3 a capture or interface cannot be opened, 4 no permission
to capture
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_OPENED, USAGE
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import add_json_argument

if TYPE_CHECKING:
    from sensor.capture.live import LiveSource
    from sensor.config import Config
    from sensor.doctor.finding import Finding

EXAMPLES = """\
  sensor doctor
  sensor doctor -i eth1 --seconds 60
  sensor doctor --config /etc/sensor/sensor.yaml --json | jq -r 'select(.level != "ok") | .advice'
  sensor doctor --file office.pcapng
"""
TROUBLE, NOT_PERMITTED = 1, 4
SECONDS, MOST_SECONDS = 30.0, 86_400.0
MOST_INTERFACES = 8
MIB = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    several = "interface to check; may be repeated (default: those of the configuration, else the network interfaces that are up)"
    parser.add_argument("-i", "--interface", metavar="NAME", action="append", default=[], help=several)
    parser.add_argument(
        "--seconds", metavar="N", type=float, default=SECONDS, help="seconds to capture (default: %(default)g)"
    )
    parser.add_argument(
        "--file", metavar="CAPTURE", action="append", default=[], help="check a capture file instead; may be repeated"
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="configuration: interfaces, networks, folders, outputs (default: the system's)",
    )
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the checks, and print each finding at once."""
    if not 0 < args.seconds <= MOST_SECONDS:
        complain(
            f"--seconds: found {args.seconds:g}, expected more than 0 and at most {MOST_SECONDS:,.0f}",
            error="usage.invalid-value",
        )
        return USAGE
    if args.file and args.interface:
        complain("found both --file and -i, expected one of them", error="usage.conflicting-options")
        return USAGE
    config = _settings(args)
    if config is None:
        return USAGE
    return _capture(args, config) if args.file else _machine(args, config)


def _settings(args: argparse.Namespace) -> Config | None:
    """The configuration, or None after its errors were printed."""
    from sensor.cli._configuration import configuration
    from sensor.documents import DocumentErrors

    try:
        return configuration(args)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return None


class _Reporter:
    """Prints and collects findings."""

    def __init__(self, *, json: bool) -> None:
        self.findings: list[Finding] = []
        self._json = json

    def report(self, found: Iterable[Finding]) -> bool:
        """Print findings; returns whether there was no error among them."""
        from sensor.cli._doctor_text import finding_json, finding_line

        well = True
        for one in found:
            self.findings.append(one)
            well = well and one.level != "error"
            print(finding_json(one) if self._json else finding_line(one, sys.stdout), flush=True)
        return well

    @property
    def code(self) -> int:
        """The exit code for the printed findings."""
        return TROUBLE if any(one.level == "error" for one in self.findings) else 0

    def end(self) -> None:
        """Print the summary line."""
        from sensor.cli._doctor_text import last_line

        if not self._json:
            print(last_line(self.findings))


def _capture(args: argparse.Namespace, config: Config) -> int:
    """Check the traffic in capture files."""
    from sensor.capture.files import open_captures
    from sensor.cli._doctor_text import listening
    from sensor.cli.replay import stopping
    from sensor.core.addresses import Networks
    from sensor.doctor.finding import findings
    from sensor.doctor.listen import read
    from sensor.doctor.traffic import Traffic
    from sensor.doctor.traffic_checks import TRAFFIC

    source, traffic = open_captures(args.file), Traffic(Networks(config.networks))
    try:
        with listening(source, 0) as progress, stopping(source):
            read(source, traffic, progress)
    finally:
        source.close()
    for unreadable in source.unreadable:
        complain(str(unreadable), error="capture.not-read")
    for damage in source.damages:
        complain(str(damage), error="capture.damaged")
    reporter = _Reporter(json=args.json)
    if source.names:
        reporter.report(findings(TRAFFIC, source.name, traffic.seen()))
        reporter.end()
    return NOT_OPENED if source.unreadable else reporter.code


def _machine(args: argparse.Namespace, config: Config) -> int:
    """Check the machine, its interfaces, and their traffic."""
    from sensor.doctor import card_checks
    from sensor.doctor.card import look
    from sensor.doctor.finding import findings

    if not sys.platform.startswith("linux"):
        complain(
            "interface checks need Linux; to check a capture on any system: sensor doctor --file CAPTURE",
            error="capture.not-supported",
        )
        return NOT_OPENED
    names = args.interface or config.capture.interfaces or _running()
    if not names:
        complain(
            "no interface is up: specify one with -i (`sensor interfaces` lists them)", error="capture.no-interface"
        )
        return NOT_OPENED
    reporter = _Reporter(json=args.json)
    reporter.report(_host(config))
    usable = [name for name in dict.fromkeys(names) if reporter.report(findings(card_checks.BEFORE, name, look(name)))]
    code = _listen(args, config, usable, reporter)
    reporter.end()
    return code or reporter.code


def _running() -> list[str]:
    """The network cards that are up, otherwise all interfaces that are up, except loopback."""
    from sensor.capture.interfaces import list_interfaces
    from sensor.doctor.card import look

    cards = [card for card in (look(one.name) for one in list_interfaces()) if card.up and card.carrier is not False]
    chosen = [card for card in cards if card.physical] or [card for card in cards if not card.loopback]
    return [card.name for card in chosen[:MOST_INTERFACES]]


def _host(config: Config) -> Iterator[Finding]:
    """Clock, folders, outputs."""
    from sensor.datasets.live import live_log
    from sensor.doctor import machine, machine_checks
    from sensor.doctor.finding import findings
    from sensor.eventlog.paths import state_folder

    yield from findings(machine_checks.CLOCK, "machine", machine.clock())
    state = config.state or state_folder()
    log = config.events or live_log(state)
    room = {state: config.evidence.mib * MIB if config.evidence.enabled and config.evidence.folder is None else 0}
    room[log.parent] = room.get(log.parent, 0) + _still_to_come(config, log)
    for path, needed in room.items():
        yield from findings(machine_checks.FOLDER, str(path), machine.folder(path, needed))
    yield from _outputs(config)


def _still_to_come(config: Config, log: Path) -> int:
    """Bytes by which the event log may still grow."""
    from sensor.eventlog.log_lines import parts

    there = 0
    with contextlib.suppress(OSError):
        there = sum(part.path.stat().st_size for part in parts(log))
    return max(0, int(config.retention.size_mib * MIB) - there)


def _outputs(config: Config) -> Iterator[Finding]:
    """Findings of `sensor outputs check`."""
    from sensor.delivery.section import enabled
    from sensor.delivery.trial import checked
    from sensor.doctor.finding import Finding

    for name, options in enabled(config.outputs).items():
        for one in checked(name, options):
            yield Finding(f"output_{one.what}", name, one.level, one.message)


def _listen(args: argparse.Namespace, config: Config, names: list[str], reporter: _Reporter) -> int:
    """Sample the traffic of these interfaces; the exit code if that is not possible, otherwise 0."""
    from sensor.capture.live import open_live
    from sensor.capture.source import CaptureError, InvalidArguments
    from sensor.doctor import machine, machine_checks
    from sensor.doctor.finding import findings

    if not reporter.report(findings(machine_checks.RIGHTS, "machine", machine.may_listen())):
        return NOT_PERMITTED
    if not names:
        return 0
    capture = config.capture
    try:
        source = open_live(
            names, bpf=capture.filter, promiscuous=capture.promiscuous, fanout=capture.rings, ring_mib=capture.ring_mib, memory_mib=config.memory_mib,
            snaplen=capture.snaplen,
        )  # fmt: skip
    except CaptureError as error:
        complain(str(error), error=error.code)
        return USAGE if isinstance(error, InvalidArguments) else NOT_OPENED
    with contextlib.closing(source):
        _watch(args, config, source, reporter)
    return 0


def _watch(args: argparse.Namespace, config: Config, source: LiveSource, reporter: _Reporter) -> None:
    """Capture, and print the findings of each interface."""
    from sensor.cli._doctor_text import listening
    from sensor.cli.replay import stopping
    from sensor.core.addresses import Networks
    from sensor.doctor import card_checks, mirror_checks
    from sensor.doctor.card import look
    from sensor.doctor.finding import findings
    from sensor.doctor.listen import listen
    from sensor.doctor.traffic import Traffic
    from sensor.doctor.traffic_checks import TRAFFIC

    before = {name: look(name) for name in source.names}
    networks = Networks(config.networks)
    traffics = {name: Traffic(networks, live=True, mac=card.mac, mtu=card.mtu) for name, card in before.items()}
    with listening(source, args.seconds) as progress, stopping(source):
        listen(source, args.seconds, traffics, time.time_ns, progress)
    after = {name: look(name) for name in source.names}
    source.close()
    for name, traffic in traffics.items():
        reporter.report(findings(card_checks.WHILE_CAPTURING, name, before[name], config.capture.promiscuous))
        reporter.report(findings(card_checks.AFTER, name, before[name], after[name]))
        seen = traffic.seen(source.tally.dropped.get(name, 0))
        reporter.report(findings(TRAFFIC, name, seen))
        reporter.report(findings(mirror_checks.MIRROR, name, after[name], seen))
    for damage in source.damages:
        complain(str(damage), error="capture.damaged")

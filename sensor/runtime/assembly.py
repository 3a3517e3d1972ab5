"""Assembles one engine from the configuration: units from their folders, fingerprints, lists, tables; and again, while
it runs, from a new configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

import sensor.dissectors
from sensor import __version__
from sensor.alerts.aggregation import AlertAggregator
from sensor.alerts.incidents import Incidents
from sensor.alerts.mutes import Mutes
from sensor.alerts.processor import AlertProcessor
from sensor.alerts.roles import Roles
from sensor.alerts.scoring import AlertScorer
from sensor.boundary import Boundary
from sensor.boundary import Fault as Broken
from sensor.budget import Budget
from sensor.config import Config, detector_units
from sensor.core.addresses import Networks
from sensor.core.detector import Detector
from sensor.core.dissector import Dissector
from sensor.core.observation import Subject
from sensor.core.recommendation import Recommendation
from sensor.core.record import Record, RecordMaker
from sensor.core.time_units import HOUR
from sensor.core.wants import Listener
from sensor.dissectors.shared.neighbour import Announcement
from sensor.documents import DocumentErrors, Fault, Stamps, stamps, yaml_files
from sensor.engine.health import Health
from sensor.engine.passive_dns import PassiveDns
from sensor.engine.pipeline import Pipeline, Sizes
from sensor.evidence.gather import Gatherer
from sensor.fingerprinting.load import load_knowledge
from sensor.fingerprinting.match import Matcher
from sensor.fingerprinting.oui import Oui
from sensor.intel.store import ThreatLists
from sensor.inventory.baseline import Baseline
from sensor.inventory.inventory import Inventory
from sensor.inventory.learner import Learner
from sensor.inventory.limits import Limits
from sensor.inventory.record import Neighbour
from sensor.inventory.reread import Reread
from sensor.posture.profiles.confine import Confines
from sensor.posture.profiles.installed import Profiles
from sensor.posture.recommendations.advisor import Advisor
from sensor.registry import units
from sensor.rules.load import Rules
from sensor.runtime.keeper import Keeper
from sensor.runtime.process import large_tables

# Id → options as plain values, and the detector created with them.
Detectors = dict[str, tuple[dict[str, Any], Detector]]
# Changes of alerts and incidents that may wait to be stored, as a multiple of the alerts that may be open.
OPEN_CHANGES = 4


class DetectorContext:
    """The Context of detectors (core/detector.py)."""

    def __init__(self, networks: Networks, intel: ThreatLists, inventory: Inventory, budget: Budget) -> None:
        self.networks, self.intel, self.more_bits = networks, intel, budget.more_bits
        self.device = inventory.device
        self.passive_dns = PassiveDns(budget.names)
        self.baseline = Baseline(
            inventory.device, inside=networks.inside, entries=budget.learned, names_of=self.names_of
        )
        self.profiles = Confines(self)

    def names_of(self, address: int) -> tuple[str, ...]:
        return self.passive_dns.names_of(address)


class Known(NamedTuple):
    """Data about devices: compiled fingerprints and the MAC registry. ``name``: changes with the content of the
    fingerprints; ``stamp``: changes with any file of the operator.
    """

    matcher: Matcher
    oui: Oui
    name: str
    stamp: Stamps
    faults: list[Fault]


def known(config: Config) -> Known:
    """Read fingerprints and registry, which takes a while. Raises DocumentErrors if a file cannot be used at all."""
    given = config.fingerprints
    stamp = stamp_of(config)
    knowledge = load_knowledge(given.folders)
    return Known(Matcher(knowledge), _oui(given.oui_registry), knowledge.name, stamp, knowledge.faults)


def stamp_of(config: Config) -> Stamps:
    """Changes with the operator's fingerprint files. The built-in ones never change."""
    given = config.fingerprints
    files = [path for folder in given.folders for path in yaml_files(folder, deep=True)]
    return stamps([*files, *([given.oui_registry] if given.oui_registry is not None else [])])


def _oui(registry: Path | None) -> Oui:
    """The MAC registry. A file of the operator is read now, so that its faults are reported before the first packet."""
    oui = Oui(registry)
    try:
        if registry is not None:
            oui.organisation(0x00000C << 24 | 1)
    except OSError as error:
        raise DocumentErrors([Fault(registry or Path(), 1, 1, f"cannot be read: {error.strerror}")]) from None
    except ValueError as error:
        raise DocumentErrors([Fault(registry or Path(), 1, 1, str(error).removeprefix(f"{registry}: "))]) from None
    return oui


def _silent(_: str) -> None:
    """Default for messages: ignore them."""


class Engine:
    """One engine, and its parts. ``take_up`` assembles it again between two batches: unchanged parts keep their
    counts.
    """

    def __init__(
        self, config: Config, emit: Callable[[Record], None], *, lists: ThreatLists, rules: Rules | None = None,
        report: Callable[[Broken], None] | None = None, complain: Callable[[str], None] = _silent,
        keeper: Keeper | None = None, mutes: Mutes | None = None,
        muted: Callable[[Record], None] | None = None, evidence: Gatherer | None = None, health: Health | None = None,
        profiles: Profiles | None = None, secret: int = 0, log_continues: bool = False,
    ) -> None:  # fmt: skip
        """``lists``: threat lists, already read; ``rules``: custom detectors of the operator; ``report`` is called with
        units that fail; ``complain`` with each line of an operator's list or fingerprint file that was left out.
        ``keeper`` restores and saves the inventory. ``mutes`` suppress alerts, which ``muted`` then receives;
        ``evidence`` stores packets of alerts; ``health`` checks the sensor itself; ``profiles``: installed ones;
        ``secret``: the 128-bit key of the hash for the table of facts; ``log_continues``: whether the event log is that
        of earlier runs, whose open alerts are continued. Raises DocumentErrors if a file cannot be used
        at all.
        """
        self.profiles = profiles or Profiles()
        self.known, self.rules, self._keeper = known(config), rules if rules is not None else Rules(()), keeper
        for fault in (*self.known.faults, *lists.unread, *lists.faults, *self.rules.faults, *self.profiles.faults):
            complain(str(fault))
        networks = Networks(config.networks)
        budget = Budget.of(config.memory_mib)
        limits = _limits(config, budget)
        inventory = Inventory(self.known.matcher, self.known.oui, networks, limits, key=secret, scope=config.sensor.id)
        self.world = world = DetectorContext(networks, lists, inventory, budget)
        world.profiles.become(self.profiles.installed)
        self.advisor = Advisor(world, self._advise, inventory.members, budget.advice, _settled(config))
        self._scorer = AlertScorer(world, Roles(config.roles.model_dump()))
        alerts = self._alert_processor(config, emit, inventory, budget, mutes=mutes, muted=muted, evidence=evidence)
        if keeper is not None:
            open_state = alerts.keep_open_state(OPEN_CHANGES * budget.alerts) if log_continues else None
            keeper.begin(inventory, self.known.name, world.baseline, self.advisor.cases, open_state)
        self.reread = Reread(inventory)
        self._detectors = _detectors(config, world, {})
        self._learner = Learner(world, world.baseline)
        self.pipeline = self._pipeline(
            inventory, alerts, boundary=Boundary(report), sizes=_sizes(config, budget), evidence=evidence, health=health
        )

    def _pipeline(self, inventory: Inventory, alert_processor: AlertProcessor, **more: Any) -> Pipeline:
        """``more``: boundary, sizes, evidence and health."""
        world = self.world
        return Pipeline(
            dissectors={name: unit() for name, unit in units(sensor.dissectors, Dissector).items()},
            detectors=self._all(self.rules.detectors(world)),
            inventory=inventory,
            alert_processor=alert_processor,
            listeners=[
                *(
                    Listener("inventory", kind, partial(_neighbour, inventory))
                    for kind in Announcement.__subclasses__()
                ),
                *world.passive_dns.listeners(),
            ],
            advisor=self.advisor,
            # Named as in 0.1.0, where alerts held them.
            more={"passive_dns": world.passive_dns, "baseline": world.baseline},
            **more,
        )

    def _alert_processor(
        self, config: Config, emit: Callable[[Record], None], inventory: Inventory, budget: Budget, **more: Any
    ) -> AlertProcessor:
        """The alert processor. ``more``: mutes, the receiver of suppressed alerts, and evidence."""
        alerts = config.alerts
        return AlertProcessor(
            AlertAggregator(int(alerts.suppression_h * HOUR), budget.alerts, int(alerts.suppression_low_h * HOUR)),
            RecordMaker(config.sensor.id, config.sensor.site, __version__, self.world.networks),
            emit,
            inventory.device,
            scorer=self._scorer,
            incidents=Incidents(inventory.device, int(alerts.incident_h * HOUR), budget.alerts),
            least=config.least,
            **more,
        )

    def take_up(
        self, config: Config, rules: Rules | None, found: Known | None, profiles: Profiles | None = None
    ) -> None:
        """Use another configuration from the next batch on. ``rules``, ``found`` (fingerprints and registry) and
        ``profiles``: None if they are unchanged.
        """
        pipeline, alert_processor = self.pipeline, self.pipeline.alert_processor
        zones = self.world.networks.become(config.networks)
        if zones:
            pipeline.rezone()
        inventory = pipeline.inventory
        inventory.limits = msgspec.structs.replace(inventory.limits, gone_ns=int(config.inventory.gone_after_h * HOUR))
        self._scorer.roles = Roles(config.roles.model_dump())
        self.advisor.settled = _settled(config)
        alert_processor.adjust(
            config.least,
            int(config.alerts.suppression_h * HOUR),
            int(config.alerts.suppression_low_h * HOUR),
            int(config.alerts.incident_h * HOUR),
            config.sensor.site,
        )
        self._detectors = _detectors(config, self.world, self._detectors)
        rules = rules if rules is not None else self.rules
        pipeline.watch(self._all(rules.detectors(self.world, self.rules, zones=zones)))
        self.rules = rules
        if profiles is not None:
            self.profiles = profiles
            self.world.profiles.become(profiles.installed)
        if found is not None:
            self.known = found
            self.reread.begin(found.matcher, found.oui)
            if self._keeper is not None:
                self._keeper.know("")

    def go_on_rereading(self, devices: int) -> None:
        """Evaluate some known devices with new fingerprints: all at once would take too long."""
        if self.reread.waiting and not self.reread.step(devices) and self._keeper is not None:
            self._keeper.know(self.known.name)

    def _advise(self, action: str, advice: Recommendation, at: int, closed: str) -> None:
        """Report a recommendation of the advisor."""
        alert_processor = self.pipeline.alert_processor
        alert_processor.emit(alert_processor.maker.recommendation(action, advice, at, alert_processor.device, closed))

    def _all(self, rules: Sequence[Detector]) -> list[Detector]:
        """The built-in detectors, then the operator's rules; units that learn get every event last."""
        return [*(detector for _, detector in self._detectors.values()), *rules, self._learner]


def assemble(
    config: Config, emit: Callable[[Record], None], *, intel: Sequence[Path] = (), lists: ThreatLists | None = None,
    **more: Any
) -> Pipeline:  # fmt: skip
    """The pipeline of an engine that is ready for packets. ``intel``: lists in addition to the configured ones, or
    ``lists``, already read; ``more``: arguments of Engine.
    """
    return Engine(
        config, emit, lists=lists if lists is not None else ThreatLists(intel, more=config.intel), **more
    ).pipeline


def _detectors(config: Config, world: DetectorContext, before: Detectors) -> Detectors:
    """The enabled detectors, by id. A detector with unchanged options is reused, with all its counts."""
    detectors: Detectors = {}
    for name, unit in detector_units().items():
        options = config.options(name)
        if not options.enabled:
            continue
        if name in before and before[name][0] == options:
            detectors[name] = before[name]
            continue
        with large_tables():
            detector = unit(world, options)
        detector.id = name
        detectors[name] = options, detector
    return detectors


def _limits(config: Config, budget: Budget) -> Limits:
    """Limits of the inventory. The configuration overrides the budget."""
    return Limits(
        devices=config.inventory.devices or budget.devices,
        viewed=budget.viewed,
        pending=budget.pending,
        endpoints=budget.endpoints,
        leases=budget.leases,
        gone_ns=int(config.inventory.gone_after_h * HOUR),
    )


def _sizes(config: Config, budget: Budget) -> Sizes:
    """Sizes of the pipeline's tables. The configuration overrides the budget."""
    tables = config.tables
    return Sizes(
        tables.flow_bits or budget.flow_bits,
        tables.repeat_bits or budget.repeat_bits,
        budget.conversations,
        budget.packets,
        budget.held,
    )


def _settled(config: Config) -> frozenset[str]:
    """Settings that the operator has defined: configured DHCP servers are checked by a detector."""
    return frozenset(("dhcp_server",)) if config.options("credential_access.rogue_dhcp").allowed else frozenset()


def _neighbour(inventory: Inventory, announcement: Announcement) -> None:
    """Pass an announcement (LLDP, CDP and similar) with a device's switch port to the inventory."""
    packet = announcement.packet
    port = Neighbour(
        announcement.kind.partition(".")[0], announcement.chassis, announcement.port, announcement.name, packet.ts
    )
    inventory.neighbour(Subject(packet.src_mac, packet.src, packet.vlan), port)

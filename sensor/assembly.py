"""Puts one engine together from the configuration: units from their folders, knowledge, lists, tables."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec

import sensor.dissectors
from sensor import __version__
from sensor.alert_desk import AlertDesk
from sensor.alert_room import AlertRoom
from sensor.boundary import Boundary
from sensor.boundary import Fault as Broken
from sensor.config import Config, detector_units
from sensor.core.addresses import Networks
from sensor.core.detector import Detector
from sensor.core.device import Device
from sensor.core.dissector import Dissector
from sensor.core.observation import Subject
from sensor.core.record import Record, RecordMaker
from sensor.dissectors._neighbour import Announcement
from sensor.documents import DocumentErrors, Fault
from sensor.evidence.gather import Gatherer
from sensor.fingerprinting.load import Knowledge, load_knowledge
from sensor.fingerprinting.match import Matcher
from sensor.fingerprinting.oui import Oui
from sensor.health import Health
from sensor.incidents import Incidents
from sensor.intel.store import ThreatLists
from sensor.inventory.baseline import Baseline
from sensor.inventory.inventory import Inventory
from sensor.inventory.learner import Learner
from sensor.inventory.limits import HOUR, Limits
from sensor.inventory.record import Neighbour
from sensor.keeper import Keeper
from sensor.mutes import Mutes
from sensor.passive_dns import PassiveDns
from sensor.pipeline import Pipeline, Sizes
from sensor.registry import units
from sensor.roles import Roles
from sensor.rules.load import Rules
from sensor.weighing import Weigher


class World:
    """What detectors may ask: the Context of core/detector.py."""

    def __init__(self, networks: Networks, intel: ThreatLists, inventory: Inventory) -> None:
        self.networks, self.intel, self._inventory = networks, intel, inventory
        self.passive_dns = PassiveDns()
        self.baseline = Baseline(inventory.device, inside=networks.inside)

    def device(self, subject: Subject) -> Device | None:
        return self._inventory.device(subject)

    def names_of(self, address: int) -> tuple[str, ...]:
        return self.passive_dns.names_of(address)


def _oui(registry: Path | None) -> Oui:
    """The MAC registry. A file of the operator's is read now, so that its faults are told before the first packet."""
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
    """Nobody listens."""


def assemble(
    config: Config,
    emit: Callable[[Record], None],
    *,
    intel: Sequence[Path] = (),
    lists: ThreatLists | None = None,
    rules: Rules | None = None,
    report: Callable[[Broken], None] | None = None,
    complain: Callable[[str], None] = _silent,
    keeper: Keeper | None = None,
    mutes: Mutes | None = None,
    muted: Callable[[Record], None] | None = None,
    evidence: Gatherer | None = None,
    health: Health | None = None,
) -> Pipeline:
    """An engine that is ready for packets. ``intel``: lists beside the configured ones, or ``lists``, read already; ``report`` hears of units that break.

    ``complain`` hears of each line of an operator's list or fingerprint file that was left out. DocumentErrors where a file cannot be used at all.
    ``keeper`` brings back what earlier runs knew, and is to write what this one learns. ``mutes`` silence alerts, which ``muted`` then gets; ``evidence``
    keeps packets of alerts; ``health`` looks how the sensor itself fares; ``rules`` are detectors of the operator's own.
    """
    networks = Networks(config.networks)
    lists = lists if lists is not None else ThreatLists(intel, more=config.intel)
    limits = Limits(devices=config.inventory.devices, gone_ns=int(config.inventory.gone_after_h * HOUR))
    knowledge = load_knowledge(config.fingerprints.folders)
    for fault in (*knowledge.faults, *lists.unread, *lists.faults, *(rules.faults if rules is not None else ())):
        complain(str(fault))
    matcher = Matcher(knowledge)
    inventory = Inventory(matcher, _oui(config.fingerprints.oui_registry), networks, limits)
    world = World(networks, lists, inventory)
    if keeper is not None:
        keeper.begin(inventory, _name_of(knowledge), world.baseline)
    room = AlertRoom(
        AlertDesk(int(config.alerts.suppression_h * HOUR)),
        RecordMaker(config.sensor.id, config.sensor.site, __version__, networks),
        emit,
        inventory.device,
        weigher=Weigher(world, Roles(config.roles.model_dump())),
        mutes=mutes,
        incidents=Incidents(inventory.device, int(config.alerts.incident_h * HOUR)),
        evidence=evidence,
        least=config.least,
        muted=muted,
    )
    return Pipeline(
        dissectors={name: unit() for name, unit in units(sensor.dissectors, Dissector).items()},
        detectors=_detectors(config, world, rules),
        inventory=inventory,
        room=room,
        boundary=Boundary(report),
        sizes=Sizes(config.tables.flow_bits, config.tables.repeat_bits),
        listeners=[*((kind, partial(_neighbour, inventory)) for kind in Announcement.__subclasses__()), *world.passive_dns.listeners()],
        evidence=evidence,
        health=health,
    )


def _detectors(config: Config, world: World, rules: Rules | None) -> list[Detector]:
    """Those that are on, then the operator's rules; whoever learns hears of everything last."""
    detectors: list[Detector] = []
    for name, unit in detector_units().items():
        options = config.options(name)
        if options.enabled:
            detector = unit(world, options)
            detector.id = name
            detectors.append(detector)
    return [*detectors, *(rules.detectors(world) if rules is not None else ()), Learner(world, world.baseline)]


def _neighbour(inventory: Inventory, told: Announcement) -> None:
    """An announcement of LLDP, CDP and their like tells the inventory where a device is plugged in."""
    packet = told.packet
    port = Neighbour(told.kind.partition(".")[0], told.chassis, told.port, told.name, packet.ts)
    inventory.neighbour(Subject(packet.src_mac, packet.src, packet.vlan), port)


def _name_of(knowledge: Knowledge) -> str:
    """A name for what the fingerprints say, another where they say something else."""
    hashed = hashlib.blake2b(digest_size=16)
    for one in knowledge.fingerprints:
        hashed.update(msgspec.msgpack.encode((one.id, one.kinds, one.family, one.match, one.asserts, one.certainty)))
    return hashed.hexdigest()

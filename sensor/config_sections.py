"""The sections of the configuration, each with its keys, defaults and limits."""

from __future__ import annotations

import platform
from typing import Annotated, Any, Literal

from sensor.central.settings import ObjectStore
from sensor.config_file import zone_of
from sensor.core.addresses import checked_blocks
from sensor.core.device import TYPES
from sensor.core.model import Check, Field, Model
from sensor.documents import FilePath, each_known
from sensor.telemetry.listen import parse_listen


def _loopback(listen: str) -> str:
    if listen:
        parse_listen(listen)
    return listen


def _known(types: dict[str, str]) -> dict[str, str]:
    each_known(types, TYPES, "the type")
    return types


def _zone(name: str) -> str:
    zone_of(name)
    return name


Blocks = Annotated[list[str], Check(checked_blocks)]
Zone = Annotated[str, Check(_zone)]


class Identity(Model):
    """Identity of this sensor, part of every record. ``id``: name of the sensor (default: the host name); ``site``:
    location of the sensor.
    """

    id: str = Field(default_factory=lambda: platform.node() or "sensor", min_length=1, max_length=64)
    site: str = Field(default="", max_length=64)


class Fingerprints(Model):
    """Additional fingerprints. ``folders``: folders with fingerprint files; ``oui_registry``: newer registry of MAC
    prefixes (oui.txt or CSV of the IEEE, or manuf of Wireshark).
    """

    folders: list[FilePath] = []
    oui_registry: FilePath | None = None


class Inventory(Model):
    """Limits of the inventory. ``devices``: maximum number of devices (default: derived from ``memory_mib``);
    ``gone_after_h``: hours of observed silence after which a device is gone.
    """

    devices: int | None = Field(default=None, ge=100, le=10_000_000)
    gone_after_h: float = Field(default=24, gt=0)


class Roles(Model):
    """Hosts whose normal work looks like an attack, as addresses and CIDR blocks: alerts about this work have at most
    low severity (see alerts/roles.py).

    ``scanner``: searches for hosts, ports and vulnerabilities; ``monitoring``: polls the status of hosts; ``backup``:
    reads and writes large amounts of data; ``jump_host``: administrators connect from it; ``management``: installs and
    configures other hosts.
    """

    scanner: Blocks = []
    monitoring: Blocks = []
    backup: Blocks = []
    jump_host: Blocks = []
    management: Blocks = []


class Tables(Model):
    """Sizes of the fixed tables, as powers of two (default: derived from ``memory_mib``). ``flow_bits``: concurrent
    flows, as a power of two; ``repeat_bits``: messages that are recognized as repeats, as a power of two.
    """

    flow_bits: int | None = Field(default=None, ge=10, le=24)
    repeat_bits: int | None = Field(default=None, ge=8, le=24)


class Capture(Model):
    """Live capture. ``interfaces``: interfaces to capture on, unless specified on the command line; ``filter``: capture
    filter in the syntax of tcpdump, unless specified on the command line; ``promiscuous``: also capture frames for
    other hosts; ``ring_mib``: kernel memory of each ring in MiB (default: half a second at link speed, such as 64 for
    1000 Mbit/s, from 16 to 512, all rings together at most ``memory_mib``); ``rings``: number of rings that share one
    interface; ``snaplen``: bytes captured of each frame; ``user``: user to change to after opening.
    """

    interfaces: list[str] = []
    filter: str = ""
    promiscuous: bool = True
    ring_mib: int | None = Field(default=None, ge=1, le=4096)
    rings: int = Field(default=1, ge=1, le=64)
    snaplen: int = Field(default=65535, ge=64, le=262144)
    user: str = ""


class Alerts(Model):
    """Reporting of alerts. ``suppression_h``: hours without repeats after which an alert is closed, and a repeat opens
    a new one (many detections report ongoing activity once an hour, so less than two hours gives a new alert each
    time); ``suppression_low_h``: the same for alerts of severity info and low, if longer, so that daily activity is one
    alert with updates; ``incident_h``: hours without alerts after which an incident is closed; ``least``: minimum
    severity that is reported (default: as in the preset); ``mutes``: file of mutes (default: mutes.yaml in the state
    folder); ``shared_mutes``: additional files of mutes, which `sensor mute` does not change.
    """

    suppression_h: float = Field(default=2, gt=0, le=720)
    suppression_low_h: float = Field(default=96, gt=0, le=720)
    incident_h: float = Field(default=2, gt=0, le=720)
    least: Literal["info", "low", "medium", "high", "critical"] | None = None
    mutes: FilePath | None = None
    shared_mutes: list[FilePath] = []


class Evidence(Model):
    """The packets of alerts, as capture files. ``enabled``: store the packets of alerts; ``folder``: folder for `sensor
    run` (default: evidence in the state folder, and the dataset for a replay); ``mib``: size limit in MiB, above which
    the oldest files are deleted.
    """

    enabled: bool = True
    folder: FilePath | None = None
    mib: int = Field(default=512, ge=1, le=1 << 20)


class Retention(Model):
    """The event log of `sensor run`: segments of ``segment_mib`` MiB or ``segment_h`` hours, each compressed once it is
    closed. Records are on disk after at most ``commit_ms``, alerts immediately; while the disk is not writable, up to
    ``memory_mib`` MiB wait in memory. Segments older than ``age_days`` or beyond ``size_mib`` are removed once every
    output has them, and beyond ``hard_mib`` regardless of outputs.
    """

    segment_mib: float = Field(default=64, ge=1, le=65_536)
    segment_h: float = Field(default=24, gt=0, le=8784)
    commit_ms: int = Field(default=200, ge=1, le=60_000)
    memory_mib: float = Field(default=8, ge=1, le=1024)
    age_days: float = Field(default=30, gt=0, le=36_500)
    size_mib: float = Field(default=4096, ge=16, le=1 << 30)
    hard_mib: float = Field(default=16_384, ge=16, le=1 << 30)

    def check_whole(self, context: Any) -> None:
        if self.hard_mib < self.size_mib:
            raise ValueError(
                f"hard_mib ({self.hard_mib:g}) is less than size_mib ({self.size_mib:g}): no records would be "
                "kept for outputs that are behind"
            )


class Datasets(Model):
    """Datasets of replays. ``replays``: number of replays that are kept, each with a separate inventory and event log;
    the oldest are deleted.
    """

    replays: int = Field(default=20, ge=1, le=10_000)


class Records(Model):
    """Traffic records (`sensor search`, `sensor hunt`). ``enabled``: write traffic records, which needs the extra
    `hunt`; ``files``: include the hashes of transferred files; ``days`` and ``gib``: maximum age and size, above which
    the oldest records are deleted; ``geoip``: databases in the MaxMind DB format (.mmdb) with countries or autonomous
    systems of addresses, which needs the extra `geoip`; ``central``: an S3-compatible object store to which `sensor
    records upload` copies them for the hub, which needs the extra `s3`.
    """

    enabled: bool = True
    files: bool = True
    days: float = Field(default=7, gt=0, le=3660)
    gib: float = Field(default=5, ge=0.01, le=1_000_000)
    geoip: list[FilePath] = Field(default=[], max_length=8)
    central: ObjectStore | None = None


class Telemetry(Model):
    """Where `sensor run` serves its status and metrics. ``socket``: a Unix socket (default: sensor.sock in the runtime
    directory of systemd, otherwise in the state folder); ``listen``: additional loopback address and port, such as
    127.0.0.1:9469.
    """

    socket: FilePath | None = None
    listen: Annotated[str, Check(_loopback)] = ""


class Owners(Model):
    """Owners of devices without an individual one (`sensor devices set`). ``tags``: owner by the operator's tag,
    checked first; ``segments``: owner by VLAN or block (`vlan 30`, `10.20.30.0/24`); ``types``: owner by device type,
    checked last.
    """

    tags: dict[str, str] = {}
    segments: dict[str, str] = {}
    types: Annotated[dict[str, str], Check(_known)] = {}


class DueDays(Model):
    """Days from the first sighting of a ticket to its due date. ``info``, ``low``, ``medium``, ``high``, ``critical``:
    days for tickets of this severity.
    """

    info: int = Field(default=365, ge=1, le=3650)
    low: int = Field(default=180, ge=1, le=3650)
    medium: int = Field(default=90, ge=1, le=3650)
    high: int = Field(default=30, ge=1, le=3650)
    critical: int = Field(default=7, ge=1, le=3650)


class Tickets(Model):
    """Tickets that `sensor tickets` creates from findings. ``due_days``: days until they are due; ``owner``: owner of
    devices without one; ``owners``: further owners; ``least``, ``least_points``: minimum severity and score of a
    finding that becomes a ticket.
    """

    due_days: DueDays = DueDays()
    owner: str = Field(default="", max_length=64)
    owners: Owners = Owners()
    least: Literal["info", "low", "medium", "high", "critical"] = "low"
    least_points: float = Field(default=0, ge=0, le=100)

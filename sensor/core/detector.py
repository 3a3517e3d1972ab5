"""Base classes of detectors: metadata, options with defaults, and one of three inputs: events one by one, changes of
devices, or flow changes in bulk (``counting.flow_detector``).

A detector's id is its path below ``sensor/detectors`` (``discovery.port_scan``), set by the registry. Detectors import
only the core and the event classes of dissectors; they get all other data from their Context.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import Networks
from sensor.core.alert import Alert, Severity
from sensor.core.attack import TECHNIQUES
from sensor.core.device import Device, DeviceChange
from sensor.core.event import Event
from sensor.core.flow import Flow
from sensor.core.model import Model
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.core.wants import Searched, Want

TARGETS_LIMIT = 64
# A packet time (ns) later than any packet.
NEVER = 1 << 62


class Options(Model):
    """Base of a detector's options: unknown keys are errors, every field has a default and a description."""

    enabled: bool = True


class Listed(Protocol):
    """An indicator of a threat list: list, line, category, start and end of validity (seconds since 1970, 0: not
    given), and confidence (0 to 1).
    """

    @property
    def list_name(self) -> str: ...
    @property
    def entry(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def seen(self) -> int: ...
    @property
    def until(self) -> int: ...
    @property
    def confidence(self) -> float: ...
    def expired(self, ts: int) -> bool:
        """Whether the indicator has expired at a time (ns)."""
        ...


class Signature(Protocol):
    """A known attack that was recognized; ``what`` is its description: a noun with its article."""

    @property
    def id(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def unless(self) -> Mapping[str, str]: ...
    @property
    def level(self) -> Severity: ...
    @property
    def confidence(self) -> float: ...
    @property
    def techniques(self) -> tuple[str, ...]: ...
    @property
    def note(self) -> str: ...


class Signatures(Hashable, Protocol):
    """Signatures of known attacks on one subject."""

    def found(self, event: str, fields: Mapping[str, str], text: str) -> Sequence[Signature]:
        """The signatures that match an event. ``fields``: its values by name; ``text``: the text to search."""
        ...

    def wanted(self, event: str, fields: Mapping[str, Searched], texts: Sequence[str] = ()) -> Want:
        """The condition that an event must meet for any signature to match. ``fields``: the event's field for each
        field of the signatures, where it has one (the others are not required); ``texts``: fields that contain text.
        """
        ...


class DefaultLogin(Protocol):
    """Default credentials: ``of`` names the product, ``user`` is empty if the product asks only for a password."""

    @property
    def user(self) -> str: ...
    @property
    def of(self) -> str: ...


class Intel(Protocol):
    """Compiled threat lists and the signatures of known attacks. ``version`` changes when the lists are replaced.
    Entries expire: lookups get the time of the packet (ns). Without a time they return what may be listed at some time.
    """

    @property
    def version(self) -> int: ...

    def signatures(self, subject: str) -> Signatures:
        """The known attacks of a subject: ``frameworks`` or ``exploits``."""
        ...

    def listed(
        self, hi: npt.NDArray[np.uint64], lo: npt.NDArray[np.uint64], ts: npt.NDArray[np.int64] | int = 0
    ) -> npt.NDArray[np.int32]:
        """For each address the index of the entry that covers it, -1 if none does."""
        ...

    def entry(self, number: int) -> Listed: ...

    def address(self, address: int, ts: int | None = None) -> Listed | None:
        """The entry that covers an address."""
        ...

    def domain(self, name: str, ts: int | None = None) -> Listed | None:
        """The entry of a name, or of its closest parent domain that is listed."""
        ...

    def text(self, text: str, ts: int | None = None) -> Listed | None:
        """The entry of a JA3, a JA4, a certificate hash or a URL."""
        ...

    def default_login(self, seal: str) -> DefaultLogin | None:
        """The default credentials of this seal (a hash of user and password); None if no product ships with them."""
        ...


class StartingBaseline(Protocol):
    """The services that devices of a type usually offer and use, before anything was learned. Services are ``protocol
    << 16 | port``.
    """

    @property
    def serves(self) -> frozenset[int]: ...
    @property
    def uses(self) -> frozenset[int]: ...
    @property
    def never_serves(self) -> Mapping[int, str]:
        """Services that no device of the type has a reason to offer, each with the explanation why it is unusual."""
        ...

    @property
    def never_uses(self) -> Mapping[int, str]: ...


class ExternalServer(NamedTuple):
    """An external server that a device used: its name, or its address if the name is unknown; time of first and last
    use (ns); number of flows.
    """

    server: str
    service: int
    first: int
    last: int
    times: int


class Baseline(Protocol):
    """What was learned about the network: clients, servers and their services. Flows are counted when they end, so the
    one under evaluation is not included.

    Services are ``protocol << 16 | port``. External servers are compared by service only, not by address. Hosts that
    are not in the inventory are unknown. A detector that uses the baseline has an option ``learn_h``: hours before it
    raises alerts.
    """

    def age_h(self, now: int) -> float:
        """Hours of packet time with packets since learning began, earlier runs included."""
        ...

    def maturity(self, subject: Subject, hours: float) -> float:
        """0 to 1: share of ``hours`` for which the device was watched. Active hours count in full, silent hours as one
        third.
        """
        ...

    def first_use(self, client: Subject, server: Subject, service: int) -> int:
        """Start of the first flow between the two for this service, ns; 0 if there was none."""
        ...

    def first_served(self, server: Subject, service: int) -> int:
        """Start of the first flow of any client to this service of this server, ns; 0 if there was none."""
        ...

    def clients(self, server: Subject, service: int) -> int:
        """Number of devices that used this service of this server, capped."""
        ...

    def servers(self, client: Subject, service: int) -> int:
        """Number of internal servers whose service the client used."""
        ...

    def segments(self, client: Subject) -> frozenset[str]:
        """The segments with which this device had flows, its own included, as ``10.0.5.0/24``."""
        ...

    def alike(self, kind: str, service: int, *, offered: bool) -> int:
        """Number of devices of a type that offer a service, or use it; capped."""
        ...

    def device_types(self, segment: str) -> Mapping[str, int]:
        """Number of devices of each type in a segment."""
        ...

    def outside(self, device: str) -> tuple[int, tuple[ExternalServer, ...]]:
        """When a fixed-function device (by id) was last active, ns, and the external servers it used; 0 and an empty
        tuple if it is unknown.
        """
        ...

    def start(self, kind: str) -> StartingBaseline | None:
        """The starting baseline of a device type; None if there is none."""
        ...


class ProfileViolation(NamedTuple):
    """A violation of a device's profile. ``profile``: its name and device; ``lists``: the access lists, none of which
    permits the flow; ``sure``: False if a host name in the profile may permit it but no DNS query for a name of this
    address was seen.
    """

    profile: str
    lists: str
    sure: bool


class Profiles(Protocol):
    """Installed MUD and operator profiles: the network access that each device is allowed."""

    def __len__(self) -> int: ...
    def has(self, device: Device) -> bool: ...
    def breach(self, flow: Flow, *, serves: bool) -> ProfileViolation | None:
        """The violation of the client's or the server's profile; None if the flow is permitted, there is no profile, or
        the content of a tunnel is unknown.
        """
        ...


class Context(Protocol):
    """The data and services that a detector may use."""

    @property
    def networks(self) -> Networks: ...
    @property
    def intel(self) -> Intel: ...
    @property
    def baseline(self) -> Baseline: ...
    @property
    def profiles(self) -> Profiles: ...
    @property
    def more_bits(self) -> int:
        """Memory budget: powers of two by which window tables are larger than declared; negative: smaller."""
        ...

    def device(self, subject: Subject) -> Device | None:
        """The device of an endpoint, as known at the current packet."""
        ...

    def names_of(self, address: int) -> tuple[str, ...]:
        """Names of an address, newest first: from DNS answers and from server names (TLS SNI, HTTP Host) in requests to
        it.
        """
        ...


class Detector:
    """Base of all detectors."""

    id: str = ""
    title: ClassVar[str]
    severity: ClassVar[Severity]
    techniques: ClassVar[tuple[str, ...]]
    advice: ClassVar[str]
    false_positives: ClassVar[str]
    # True if the detector itself adjusts the severity to actor and answer; otherwise the scorer does.
    adjusts_severity: ClassVar[bool] = False
    # Options that are thresholds, each with the name of the number in an alert that reached it; "threshold" in the same
    # alert is then the value of the option. An alert whose number reaches the option is raised, others need another
    # option (`sensor config check FILE --backtest 30d`).
    decisive: ClassVar[Mapping[str, str]] = {}
    Options: ClassVar[type[Options]] = Options
    # Packet time (ns) before which ``tick`` need not be called. 0: call it each second; NEVER: not until an event
    # changes this.
    due: int = 0

    def __init__(self, context: Context, options: Any = None) -> None:
        self.context = context
        self.options: Any = options if options is not None else self.Options()
        # Every bounded table of a detector is added where it is made.
        self.tables = NamedTables()

    def alert(
        self, proof: Event | Flow | DeviceChange, *, actor: Subject, summary: str, why: Iterable[str],
        numbers: dict[str, int | float | str], key: Iterable[object] = (),
        target: Subject | None = None, targets: Iterable[Subject] = (),
        severity: Severity | None = None, confidence: float = 0.9,
        actor_port: int = 0, target_port: int = 0, network: dict[str, str | int] | None = None,
        techniques: tuple[str, ...] | None = None, first: int = 0,
    ) -> Alert:  # fmt: skip
        """An alert with this detector's metadata. ``key`` distinguishes findings of the same detector and actor."""
        some = tuple(dict.fromkeys(targets))[:TARGETS_LIMIT] or ((target,) if target else ())
        return Alert(
            ts=proof.ts,
            detector=self.id,
            title=self.title,
            severity=self.severity if severity is None else severity,
            confidence=confidence,
            techniques=tuple(TECHNIQUES[technique] for technique in techniques or self.techniques),
            actor=actor,
            summary=summary,
            why=tuple(why),
            numbers=numbers,
            advice=self.advice,
            false_positives=self.false_positives,
            key="|".join(map(str, (self.id, actor.address or actor.mac, *key))),
            target=target,
            targets=some,
            actor_port=actor_port,
            target_port=target_port,
            network=network or {},
            proof=(proof,),
            first=first,
            usual=None if self.adjusts_severity else self.severity,
        )

    def tick(self, now: int) -> Iterator[Alert]:
        """Called in each new second of packet time (``now``, ns) from ``due`` on, and whenever the clock was set back,
        to detect timeouts and absences. Most detectors return nothing here.
        """
        return iter(())

    def finish(self, now: int) -> Iterator[Alert]:
        """Called after the last packet (``now``, ns): what waited for further packets."""
        return iter(())


class EventDetector(Detector):
    """Inspects events of the classes it watches, one by one, in packet order."""

    watches: ClassVar[tuple[type[Event], ...]]

    def wants(self) -> dict[type[Event], Want]:
        """The events it needs, by class: ``inspect`` gets no others. A class that is missing here is delivered in full.
        Called once, at the start: the tables that a want refers to must stay the same objects.
        """
        return {}

    def inspect(self, event: Event) -> Iterable[Alert]:
        raise NotImplementedError


class DeviceDetector(Detector):
    """Inspects changes of devices in the inventory, in order."""

    def review(self, change: DeviceChange) -> Iterator[Alert]:
        raise NotImplementedError

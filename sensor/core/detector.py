"""What a detector is. Metadata, options with defaults, and one of three inputs: events one by one, changes of devices,
or flow changes in bulk (``counting.flow_detector``).

A detector's id is its path below ``sensor/detectors`` (``discovery.port_scan``), set by the registry. Detectors import
the core and the event classes of dissectors, nothing else; what they need to know of the world comes through their
Context.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from sensor.core.addresses import Networks
from sensor.core.alert import Alert, Severity
from sensor.core.attack import TECHNIQUES
from sensor.core.device import Device, DeviceChange
from sensor.core.event import Event
from sensor.core.flow import Flow
from sensor.core.observation import Subject
from sensor.core.wants import Searched, Want

TARGETS_LIMIT = 64
# A packet time (ns) that does not come.
NEVER = 1 << 62


class Options(BaseModel):
    """Base of a detector's options: unknown keys are errors, every field has a default and a description."""

    # Built when a configuration is checked against it: most runs have none, and there are a hundred detectors.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    enabled: bool = True


class Listed(Protocol):
    """A hit on a threat list: the list, its line, the category, valid from and until (seconds since 1970, 0: not
    given), and how sure it is (0 to 1).
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
        """Whether the list takes it back at a time (ns)."""
        ...


class Signature(Protocol):
    """A known attack that was recognised: ``what`` continues "… looks like"."""

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


class Signatures(Protocol):
    """Known attacks of one subject."""

    def found(self, event: str, fields: Mapping[str, str], text: str) -> Sequence[Signature]:
        """Those that an event matches. ``fields``: its values, by name; ``text``: where to search for text."""
        ...

    def wanted(self, event: str, fields: Mapping[str, Searched], texts: Sequence[str] = ()) -> Want:
        """What an event must show at least for one of them. ``fields``: where it has what they ask for, those that are
        missing are not required; ``texts``: which of these contain text.
        """
        ...


class DefaultLogin(Protocol):
    """Default credentials: ``of`` names the product, ``user`` is empty where only a password is requested."""

    @property
    def user(self) -> str: ...
    @property
    def of(self) -> str: ...


class Intel(Protocol):
    """The threat lists, compiled, and the signatures of known attacks. ``version`` is another one whenever lists were
    exchanged.
    """

    @property
    def version(self) -> int: ...

    def signatures(self, subject: str) -> Signatures:
        """The known attacks of a subject: ``frameworks`` or ``exploits``."""
        ...

    def listed(self, hi: npt.NDArray[np.uint64], lo: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        """For each address the number of the entry that covers it, -1 where none does."""
        ...

    def entry(self, number: int) -> Listed: ...

    def domain(self, name: str) -> Listed | None:
        """The entry of a name, or of the closest domain above it that is listed."""
        ...

    def text(self, text: str) -> Listed | None:
        """The entry of a JA3, a JA4, the hash of a certificate, or a URL."""
        ...

    def default_login(self, seal: str) -> DefaultLogin | None:
        """The login that a seal stands for, where it is one that something is sold with."""
        ...


class Start(Protocol):
    """What devices of a type serve and use, known before anything was learned. Services are
    ``protocol << 16 | port``.
    """

    @property
    def serves(self) -> frozenset[int]: ...
    @property
    def uses(self) -> frozenset[int]: ...
    @property
    def never_serves(self) -> Mapping[int, str]:
        """Services that no device of the type has a reason to offer, with the reason why it is odd."""
        ...

    @property
    def never_uses(self) -> Mapping[int, str]: ...


class Used(NamedTuple):
    """A server outside that a device used, by its name, or by its address where none is known; when first and last
    (ns), and in how many conversations.
    """

    server: str
    service: int
    first: int
    last: int
    times: int


class Baseline(Protocol):
    """What was learned about the network: clients, servers and their services. Conversations count once they are over,
    so the one under evaluation is not yet among them.

    Services are ``protocol << 16 | port``. Of external servers only the service is compared, not their address. It
    answers for devices of the inventory; other hosts are unknown. A detector that learns has an option ``learn_h``:
    hours before it raises alerts.
    """

    def age_h(self, now: int) -> float:
        """Hours of packet time in which packets were seen since learning began, those of earlier runs included."""
        ...

    def maturity(self, subject: Subject, hours: float) -> float:
        """0 to 1: how much of ``hours`` the device was watched; counted are the hours in which it talked and, at a
        third, those in which it was silent.
        """
        ...

    def first_use(self, client: Subject, server: Subject, service: int) -> int:
        """When the first conversation of the two about this service began, ns; 0 where none was."""
        ...

    def first_served(self, server: Subject, service: int) -> int:
        """The same for any client of a service of this server."""
        ...

    def clients(self, server: Subject, service: int) -> int:
        """How many devices used this service of this server; large numbers are cut."""
        ...

    def servers(self, client: Subject, service: int) -> int:
        """How many inside servers of this service the client used."""
        ...

    def segments(self, client: Subject) -> frozenset[str]:
        """The segments in which this device had conversations, its own included, as ``10.0.5.0/24``."""
        ...

    def alike(self, kind: str, service: int, *, offered: bool) -> int:
        """How many devices of a type offer a service, or use one; large numbers are cut."""
        ...

    def dwellers(self, segment: str) -> Mapping[str, int]:
        """How many devices of which type live in a segment."""
        ...

    def outside(self, device: str) -> tuple[int, tuple[Used, ...]]:
        """When a fixed-function device, by its id, was last active (ns), and the external servers that it used; 0 and
        none if nothing is known about it.
        """
        ...

    def start(self, kind: str) -> Start | None:
        """The starting baseline of a type; None where there is none."""
        ...


class Breach(NamedTuple):
    """What the profile of a device does not allow. ``profile``: which, and whom it is for; ``lists``: the access lists,
    none of which accepts it; ``sure``: False where a host name may allow it, and no DNS query for a name of this
    address was seen.
    """

    profile: str
    lists: str
    sure: bool


class Profiles(Protocol):
    """Installed profiles: what a device may do, defined by its vendor or the operator."""

    def __len__(self) -> int: ...
    def has(self, device: Device) -> bool: ...
    def breach(self, flow: Flow, *, serves: bool) -> Breach | None:
        """What the profile of the client, or of the server, does not allow; None where it allows it, where there is
        none, or where the content of a tunnel is unknown.
        """
        ...


class Context(Protocol):
    """What a detector may ask."""

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
        """By so many powers of two windows are larger than they are written (below 0: smaller), as the memory budget
        has it.
        """
        ...

    def device(self, subject: Subject) -> Device | None:
        """The device behind an endpoint as known at this packet."""
        ...

    def names_of(self, address: int) -> tuple[str, ...]:
        """Names that stand behind an address, the newest first: from answers of DNS, and from server names that clients
        asked for there.
        """
        ...


class Detector:
    """Base of all kinds."""

    id: str = ""
    title: ClassVar[str]
    severity: ClassVar[Severity]
    techniques: ClassVar[tuple[str, ...]]
    advice: ClassVar[str]
    false_positives: ClassVar[str]
    # True where the detector itself raises the severity by actor and answer; else the weigher does.
    weighs_itself: ClassVar[bool] = False
    Options: ClassVar[type[Options]] = Options
    # Packet time (ns) before which ``tick`` has nothing to do: 0: it is called each second; NEVER: until something
    # happens.
    due: int = 0

    def __init__(self, context: Context, options: Any = None) -> None:
        self.context = context
        self.options: Any = options if options is not None else self.Options()

    def alert(
        self, proof: Event | Flow | DeviceChange, *, actor: Subject, summary: str, why: Iterable[str],
        numbers: dict[str, int | float | str], key: Iterable[object] = (),
        target: Subject | None = None, targets: Iterable[Subject] = (),
        severity: Severity | None = None, confidence: float = 0.9,
        actor_port: int = 0, target_port: int = 0, network: dict[str, str | int] | None = None,
        techniques: tuple[str, ...] | None = None, first: int = 0,
    ) -> Alert:  # fmt: skip
        """An alert with this detector's metadata. ``key``: distinguishes this finding from others of the same detector
        and actor.
        """
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
            usual=None if self.weighs_itself else self.severity,
        )

    def tick(self, now: int) -> Iterator[Alert]:
        """Called at a new second of packet time (``now``, ns) from ``due`` on, and whenever the clock was set back, for
        what shows in silence. Most detectors return nothing then.
        """
        return iter(())


class EventDetector(Detector):
    """Looks at events of the classes it watches, one by one, in packet order."""

    watches: ClassVar[tuple[type[Event], ...]]

    def wants(self) -> dict[type[Event], Want]:
        """What it can possibly care about, by class: ``inspect`` gets no other event. Of a class that is missing here
        it gets all. Asked once, when it begins to watch: tables that are named in it must stay the same objects.
        """
        return {}

    def inspect(self, event: Event) -> Iterator[Alert]:
        raise NotImplementedError


class DeviceDetector(Detector):
    """Reviews changes of devices in the inventory, in order."""

    def review(self, change: DeviceChange) -> Iterator[Alert]:
        raise NotImplementedError

"""The complete content of a report, as plain values. The page is rendered from it alone, so that the JSON contains
whatever the page shows.

Times are packet times in the format of records. A ``proof`` refers to an entry of ``proofs``: the packet behind a
claim. The JSON Schema in ``schema.json`` is generated from these classes; within a version, fields are only added.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from sensor.core.device_text import product_text

FORMAT, VERSION = "passive-network-sensor/report", 1

# RFC 3339 in UTC, or empty if unknown.
Time = Annotated[str, msgspec.Meta(pattern=r"^([12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z)?$")]
Points = Annotated[float, msgspec.Meta(ge=0, le=100)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Severity = Annotated[str, msgspec.Meta(pattern="^(info|low|medium|high|critical)$")]
Band = Annotated[str, msgspec.Meta(pattern="^(low|medium|high)$")]


class Part(msgspec.Struct, omit_defaults=True):
    """Empty fields are absent."""


class Period(Part, kw_only=True):
    """The subject of the report. ``label``: as text."""

    since: Time
    until: Time
    label: str


class Term(Part, kw_only=True):
    """One part of a score, and its explanation."""

    name: str
    points: float
    why: str = ""


class Score(Part, kw_only=True):
    """Exposure, 0 to 100; ``band``: low, medium or high."""

    points: Points
    band: Band
    terms: list[Term] = []


class Proof(Part, kw_only=True):
    """A packet. ``event``: its observation; ``seen``: the field and its value; ``claim``: the conclusion; ``packets``:
    file of the frames.
    """

    id: str
    ts: str = ""
    event: str = ""
    seen: str = ""
    claim: str = ""
    packets: str = ""


class Device(Part, kw_only=True):
    """A device of the inventory at the end of the period. ``findings``: names of its weaknesses."""

    id: str
    type: str
    segment: str = ""
    name: str = ""
    addresses: list[str] = []
    macs: list[str] = []
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    os: str = ""
    owner: str = ""
    criticality: str = ""
    roles: list[str] = []
    services: list[str] = []
    first_seen: str = ""
    last_seen: str = ""
    gone: bool = False
    score: Score | None = None
    findings: list[str] = []
    proofs: list[str] = []

    @property
    def address(self) -> str:
        return self.addresses[0] if self.addresses else ""

    @property
    def product(self) -> str:
        return product_text(self.vendor, self.model)

    @property
    def text(self) -> str:
        """``10.20.10.62 (front-door)``."""
        caption = self.name or self.product or ("" if self.type == "unknown" else self.type)
        return (self.address or self.id) + (f" ({caption})" if caption else "")


class AffectedDevice(Part, kw_only=True):
    """A device with a finding, and the packet that proves it."""

    device: str
    proof: str = ""


class Case(Part, kw_only=True):
    """Devices that have a finding for the same reason. ``sure``: False if it is unknown whether they are affected."""

    why: str
    sure: bool
    seats: list[AffectedDevice]


class Finding(Part, kw_only=True):
    """A weakness. ``name``: the CVE or the setting; ``kind``: vulnerability or setting; ``points``: its priority on its
    worst device;
    ``test``: how to verify the fix.
    """

    name: str
    kind: str
    title: str
    severity: Severity
    points: Points
    fix: str
    steps: str = ""
    test: str = ""
    cases: list[Case]

    @property
    def devices(self) -> int:
        return sum(len(case.seats) for case in self.cases)

    @property
    def sure(self) -> bool:
        return any(case.sure for case in self.cases)


class Work(Part, kw_only=True):
    """What to do: one fix for all devices that need it."""

    id: str
    title: str
    severity: Severity
    points: Points
    devices: list[str]
    findings: list[str] = []
    why: list[str] = []
    steps: list[str] = []
    test: str = ""
    priority: str = ""
    owner: str = ""
    due: str = ""


class Done(Part, kw_only=True):
    """Work finished in the period: a ticket, or a recommendation on one device. ``when``, ``why``: time and
    evidence.
    """

    id: str
    title: str
    when: Time
    why: str = ""


class Alert(Part, kw_only=True):
    """An alert. ``ends``: its targets; ``more_ends``: number of further ones; ``count``: number of occurrences;
    ``closed``: by whom, and why; ``over``: it ended by itself.
    """

    id: str
    detector: str
    title: str
    severity: Severity
    text: str = msgspec.field(name="said")
    first: str
    last: str
    closed: str = ""
    over: bool = False
    count: int = 1
    risk: Count = 0
    actor: str = ""
    actor_device: str = ""
    ends: list[str] = []
    end_devices: list[str] = []
    more_ends: Count = 0
    why: list[str] = []
    advice: str = ""
    techniques: list[str] = []
    packets: str = ""
    proofs: list[str] = []


class Chapter(Part, kw_only=True):
    """One alert of an incident."""

    ts: str
    alert: str
    severity: Severity
    text: str = msgspec.field(name="said")


class Incident(Part, kw_only=True):
    """Related alerts. ``over``: no further alert came; ``left_out``: number of alerts over the limit."""

    id: str
    severity: Severity
    text: str = msgspec.field(name="said")
    first: str
    last: str
    over: bool = False
    risk: Count = 0
    actors: list[str] = []
    story: list[Chapter] = []
    left_out: Count = 0


class Change(Part, kw_only=True):
    """A change of a device in the period. ``kind``: new, gone, address, firmware, back, merged, split or other."""

    ts: str
    kind: str
    device: str
    text: str = msgspec.field(name="said")


class Source(Part, kw_only=True):
    """Figures of one source in the period. ``lost``: packets that were not captured; ``unread``: messages left unparsed
    under load.
    """

    name: str
    packets: Count = 0
    bytes: Count = 0
    lost: Count = 0
    malformed: Count = 0
    truncated: Count = 0
    unread: Count = 0


class HealthProblem(Part, kw_only=True):
    """Health of the sensor: number of occurrences, the last time, and a description."""

    check: str
    severity: Severity
    count: int
    last: str
    text: str = msgspec.field(name="said")


class Feed(Part, kw_only=True):
    """An imported feed and its age at the end of the report. ``kind``: vulnerabilities or threats; ``stale``: too old
    to be reliable.
    """

    name: str
    kind: str
    entries: int
    days: int
    stale: bool = False


class Watched(Part, kw_only=True):
    """Data sources of the report. ``since``, ``until``: first and last record; ``notes``: limits of the data."""

    since: str = ""
    until: str = ""
    sources: list[Source] = []
    health: list[HealthProblem] = []
    feeds: list[Feed] = []
    notes: list[str] = []


class PathStep(Part, kw_only=True):
    """A step of an attack path: how the next device is compromised. ``assumed``: not observed; ``cuts``: changes that
    remove it.
    """

    at: str
    cost: int
    why: list[str] = []
    assumed: bool = False
    alert: str = ""
    cuts: list[str] = []


class ReportedPath(Part, kw_only=True):
    """An attack path. ``sources``: its starts, ``more_sources``: number of further ones; ``cost``: effort, of which
    less is worse.
    """

    cost: int
    sources: list[str]
    more_sources: Count = 0
    goal: str
    stops: list[PathStep]


class PathChange(Part, kw_only=True):
    """A change that breaks paths: how many, and the number of observed users of what it removes."""

    title: str
    broken: int
    users: Count = 0


class ReportedPaths(Part, kw_only=True):
    """``goals``: critical devices, ``chosen``: why; ``pairs``: of a start and a goal with a path; ``ways``: number of
    paths.
    """

    goals: list[str]
    chosen: str
    pairs: int
    ways: int
    roads: list[ReportedPath]
    breakers: list[PathChange] = []


class Conversation(Part, kw_only=True):
    """Devices of one type and segment that use services of those of another: number of connections, and the main
    services.
    """

    client: str
    server: str
    count: int
    services: list[str] = []


class Day(Part, kw_only=True):
    """A point of the trend."""

    day: Annotated[str, msgspec.Meta(pattern=r"^[12]\d{3}-\d\d-\d\d$")]
    points: Points
    devices: Count = 0


class Difference(Part, kw_only=True):
    """Difference from an older report. ``until``: its end; ``score``: its score."""

    until: Time
    label: str
    score: Score | None = None
    new: list[str] = []
    gone: list[str] = []
    found: list[str] = []
    fixed: list[str] = msgspec.field(default_factory=list, name="mended")
    worse: list[str] = []
    done: list[str] = []


class Report(Part, kw_only=True):
    """``made``: time of the last known packet; ``headline``: summary of the state of the network; ``work``: what to do,
    in order; ``…_left_out``: number of entries of a list over the limit.
    """

    format: str
    version: int
    made: Time
    sensor: str = ""
    program: str = ""
    period: Period
    score: Score | None = None
    headline: list[str] = []
    work: list[Work] = []
    done: list[Done] = []
    changes: list[Change] = []
    changes_left_out: Count = 0
    devices: list[Device]
    findings: list[Finding] = []
    incidents: list[Incident] = []
    alerts: list[Alert] = []
    alerts_left_out: Count = 0
    paths: ReportedPaths | None = None
    conversations: list[Conversation] = msgspec.field(default_factory=list, name="talks")
    trend: list[Day] = []
    difference: Difference | None = None
    watched: Watched
    proofs: list[Proof] = []

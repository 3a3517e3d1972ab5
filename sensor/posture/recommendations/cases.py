"""Cases: weak settings, one per device and setting, in a bounded table that survives a restart.

A case is found by the endpoint that showed it, which is a cheap lookup per message, and by its device, whose address
may have changed. Nothing here accesses files: ``runtime/keeper.py`` takes changes of reported cases, and restores them
at the next start.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from sensor.core.bounded import Bounded
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.core.record_parts import Body

# The last report of evicted cases is remembered for this multiple of the capacity.
PUSHED = 4
# (MAC, address, setting), and (device or address, setting).
CaseKey = tuple[int, int, str]
Name = tuple[str, str]
_Ends = tuple[str, str, int]


class Case(msgspec.Struct, eq=False):
    """``does`` continues "the device …"; ``seen``: the field that proves it, and its value; ``proof``: the messages in
    record form, packed. ``periodic``: found by a periodic check instead of a message; ``severity``, ``product``: see
    ``checks.py``. ``reported``: time of the last report, ns, or -1.
    """

    name: Name
    subject: Subject
    does: str
    seen: str
    proof: bytes
    first: int
    last: int
    count: int = 0
    reported: int = -1
    app: str = ""
    port: int = 0
    other: Subject | None = None
    other_port: int = 0
    community_id: str = ""
    periodic: bool = False
    severity: str = ""
    product: str = ""

    @property
    def setting(self) -> str:
        return self.name[1]

    @property
    def place(self) -> CaseKey:
        return (self.subject.mac, self.subject.address, self.name[1])


class StoredCase(msgspec.Struct, omit_defaults=True):
    """The stored form of a case. Ends are MAC and address, hexadecimal, and VLAN."""

    name: Name
    subject: _Ends
    does: str
    seen: str
    proof: msgspec.Raw
    first: int
    last: int
    count: int
    reported: int = msgspec.field(name="told")  # the key in files of earlier versions
    app: str = ""
    port: int = 0
    other: _Ends | None = None
    other_port: int = 0
    community_id: str = ""
    periodic: bool = msgspec.field(default=False, name="looked")  # as above
    severity: str = ""
    product: str = ""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(StoredCase).decode
_PROOF = msgspec.json.Decoder(tuple[Body, ...])
_FIELDS = tuple(name for name in Case.__struct_fields__ if name not in ("subject", "other", "proof"))


class Cases:
    """The table."""

    def __init__(self, limit: int) -> None:
        self.tables = NamedTables()
        self._cases: Bounded[CaseKey, Case] = self.tables.add("open", Bounded(limit))
        self._places: Bounded[Name, CaseKey] = self.tables.add("devices", Bounded(limit))
        self._changed: Bounded[Name, bool] = self.tables.add("changed", Bounded(2 * limit))
        self._pushed: Bounded[int, int] = self.tables.add("evicted", Bounded(PUSHED * limit))

    def __iter__(self) -> Iterator[Case]:
        return iter(list(self._cases.values()))

    def at(self, place: CaseKey) -> Case | None:
        """The case of an endpoint; called for each message that shows the setting."""
        return self._cases.get(place)

    def of(self, name: Name) -> Case | None:
        place = self._places.get(name)
        return self._cases.get(place) if place is not None else None

    @property
    def full(self) -> bool:
        """Whether the table is full. Periodic checks find their cases again, so they must not evict others
        each time.
        """
        return len(self._cases) >= self._cases.size

    def put(self, case: Case) -> None:
        """Add a case. Evicts the least recently used one if full, and a case of another device at the same endpoint."""
        before = self._cases.get(case.place)
        if before is not None and before is not case:
            self._left(before)
        pushed = self._cases.put(case.place, case)
        if pushed is not None:
            self._left(pushed[1])
            if pushed[1].reported >= 0:
                self._pushed.put(hash(pushed[1].name), pushed[1].reported)
        self._places.put(case.name, case.place)

    def reported_before(self, name: Name) -> int:
        """When a case that was evicted since was last reported; -1 if never. Removes the entry."""
        before = self._pushed.pop(hash(name))
        return before if before is not None else -1

    def remove(self, case: Case) -> None:
        if self._cases.pop(case.place) is not None:
            self._left(case)

    def move(self, case: Case, subject: Subject) -> None:
        """Move a case to another address of its device."""
        self._cases.pop(case.place)
        case.subject = subject
        self.put(case)

    def rename(self, case: Case, name: Name) -> None:
        """Assign a case to a device that is now known, or is another."""
        self._left(case)
        case.name = name
        self.put(case)

    def note(self, case: Case) -> None:
        """Mark a reported case to be stored in its current state."""
        self._changed.put(case.name, True)

    def note_counts(self, since: int) -> None:
        """Mark cases to be stored that were seen after ``since`` (ns) without a report."""
        for case in self._cases.values():
            if case.reported >= 0 and case.last > since:
                self.note(case)

    def _left(self, case: Case) -> None:
        if self._places.get(case.name) == case.place:
            self._places.pop(case.name)
        if case.reported >= 0:
            self._changed.put(case.name, True)

    # Storage.

    def take(self, limit: int) -> Iterator[tuple[Name, bytes]]:
        """(name, JSON) of reported cases that changed, at most ``limit``; empty JSON for a closed one. They then count
        as stored.
        """
        for name in list(self._changed)[:limit]:
            self._changed.pop(name)
            case = self.of(name)
            yield name, kept(case) if case is not None and case.reported >= 0 else b""

    def forget(self, device: str) -> None:
        """Remove all cases of a device."""
        for case in self:
            if case.name[0] == device:
                self.remove(case)

    def restore(self, body: bytes | str) -> None:
        """Restore a case of an earlier run. Raises msgspec.DecodeError if it is invalid."""
        self.put(case_of(body))


def packed(proof: Sequence[Body]) -> bytes:
    """Packed text needs a fifth of the memory of its objects, and is decoded only for reports."""
    return _encode(proof)


def unpacked(proof: bytes) -> tuple[Body, ...]:
    return _PROOF.decode(proof)


def kept(case: Case) -> bytes:
    other = _ends(case.other) if case.other else None
    return _encode(
        StoredCase(
            subject=_ends(case.subject),
            other=other,
            proof=msgspec.Raw(case.proof),
            **{name: getattr(case, name) for name in _FIELDS},
        )
    )


def case_of(body: bytes | str) -> Case:
    """A stored case. Raises msgspec.DecodeError if it is invalid."""
    stored = _decode(body)
    proof = bytes(stored.proof)
    unpacked(proof)  # raises if it cannot be decoded
    try:
        subject, other = _subject(stored.subject), _subject(stored.other) if stored.other else None
    except ValueError as error:
        raise msgspec.DecodeError(str(error)) from None
    return Case(subject=subject, other=other, proof=proof, **{name: getattr(stored, name) for name in _FIELDS})


def _ends(subject: Subject) -> _Ends:
    return f"{subject.mac:x}", f"{subject.address:x}", subject.vlan


def _subject(ends: _Ends) -> Subject:
    return Subject(int(ends[0], 16), int(ends[1], 16), ends[2])

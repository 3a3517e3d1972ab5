"""Cases: weak settings, one per device and setting, in a table that is bounded and survives a restart.

A case is found by the endpoint that showed it, which is a cheap lookup per message, and by its device, which may have
another address by now. Nothing here accesses files: changes of reported cases are taken by ``runtime/keeper.py``, and
restored at the next start.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from sensor.core.bounded import Bounded
from sensor.core.observation import Subject
from sensor.core.record_parts import Body

# For this many times the capacity, the time of the last report of evicted cases is remembered.
PUSHED = 4
# (MAC, address, setting), and (device or address, setting).
Place = tuple[int, int, str]
Name = tuple[str, str]
_Ends = tuple[str, str, int]


class Case(msgspec.Struct, eq=False):
    """``does`` continues "the device …"; ``seen``: the field that proves it, and what it held; ``proof``: the messages
    as records show them, packed. ``looked``: a look at what is known of the device found it, and no message;
    ``severity``, ``product``: see ``looks.py``. ``reported``: when last, ns, or -1.
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
    looked: bool = False
    severity: str = ""
    product: str = ""

    @property
    def setting(self) -> str:
        return self.name[1]

    @property
    def place(self) -> Place:
        return (self.subject.mac, self.subject.address, self.name[1])


class StoredCase(msgspec.Struct, omit_defaults=True):
    """A case as it is kept between runs. Ends are MAC and address, hexadecimal, and VLAN."""

    name: Name
    subject: _Ends
    does: str
    seen: str
    proof: msgspec.Raw
    first: int
    last: int
    count: int
    reported: int = msgspec.field(name="told")  # as earlier versions stored it
    app: str = ""
    port: int = 0
    other: _Ends | None = None
    other_port: int = 0
    community_id: str = ""
    looked: bool = False
    severity: str = ""
    product: str = ""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(StoredCase).decode
_PROOF = msgspec.json.Decoder(tuple[Body, ...])
_FIELDS = tuple(name for name in Case.__struct_fields__ if name not in ("subject", "other", "proof"))


class Cases:
    """The table."""

    def __init__(self, limit: int) -> None:
        self._cases: Bounded[Place, Case] = Bounded(limit)
        self._places: Bounded[Name, Place] = Bounded(limit)
        self._changed: Bounded[Name, bool] = Bounded(2 * limit)
        self._pushed: Bounded[int, int] = Bounded(PUSHED * limit)

    def __iter__(self) -> Iterator[Case]:
        return iter(list(self._cases.values()))

    def at(self, place: Place) -> Case | None:
        """The case of an endpoint, which is asked for at each message that shows it."""
        return self._cases.get(place)

    def of(self, name: Name) -> Case | None:
        place = self._places.get(name)
        return self._cases.get(place) if place is not None else None

    @property
    def full(self) -> bool:
        """What a look finds it finds at the next as well: it is not to push out another each time."""
        return len(self._cases) >= self._cases.size

    def put(self, case: Case) -> None:
        """A new one. The one asked for longest ago makes room, and so does one of another device at the same endpoint:
        it was there before.
        """
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
        """When a case that was evicted since was last reported; -1 if none was. The answer is removed."""
        before = self._pushed.pop(hash(name))
        return before if before is not None else -1

    def remove(self, case: Case) -> None:
        if self._cases.pop(case.place) is not None:
            self._left(case)

    def move(self, case: Case, subject: Subject) -> None:
        """Its device is at another address."""
        self._cases.pop(case.place)
        case.subject = subject
        self.put(case)

    def rename(self, case: Case, name: Name) -> None:
        """Its device is known by now, or is another."""
        self._left(case)
        case.name = name
        self.put(case)

    def note(self, case: Case) -> None:
        """Mark a reported case to be stored in its present state."""
        self._changed.put(case.name, True)

    def note_counts(self, since: int) -> None:
        """Mark those to be stored that were seen after ``since`` (ns) without being reported."""
        for case in self._cases.values():
            if case.reported >= 0 and case.last > since:
                self.note(case)

    def _left(self, case: Case) -> None:
        if self._places.get(case.name) == case.place:
            self._places.pop(case.name)
        if case.reported >= 0:
            self._changed.put(case.name, True)

    # What is kept.

    def take(self, limit: int) -> Iterator[tuple[Name, bytes]]:
        """(name, JSON) of reported cases that changed since, at most ``limit``, empty if one is closed; they count as
        stored.
        """
        for name in list(self._changed)[:limit]:
            self._changed.pop(name)
            case = self.of(name)
            yield name, kept(case) if case is not None and case.reported >= 0 else b""

    def forget(self, device: str) -> None:
        """The device never was here."""
        for case in self:
            if case.name[0] == device:
                self.remove(case)

    def restore(self, body: bytes | str) -> None:
        """A case of an earlier run. msgspec.DecodeError where it is not one."""
        self.put(case_of(body))


def packed(proof: Sequence[Body]) -> bytes:
    """Text takes a fifth of the memory of its objects, and is needed only for reports."""
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
    """msgspec.DecodeError where it is not one."""
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

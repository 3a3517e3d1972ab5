"""iSCSI over TCP (RFC 7143): initiators and targets by their names, logins with their method and result, and access
without a login.

Reads the login phase of a session, and the list of targets in a discovery session (SendTargets). SCSI commands and data
are not read. Challenges and responses of CHAP (RFC 1994) are not stored.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.login_events import NONE, PasswordLogin
from sensor.dissectors.shared.sender_facts import facts

PORT = 3260
HEAD_SIZE = 48  # basic header segment
OPERATION = 0x3F
LOGIN, TEXT, LOGIN_ANSWER, TEXT_ANSWER = 0x03, 0x04, 0x23, 0x24
# Of a login: whether it goes on to another stage, and which; status class and detail of its answer (RFC 7143, 11.12,
# 11.13).
TRANSIT, NEXT, FULL_FEATURE = 0x80, 0x03, 3
STATUS, SUCCESS, DENIED = slice(36, 38), b"\0\0", b"\x02\x01"
NAME_LIMIT, TARGETS_LIMIT = 223, 8  # RFC 7143, 4.2.7.1
KEYS = frozenset(("InitiatorName", "InitiatorAlias", "TargetName", "CHAP_N"))
CHAP = "chap"
# Systems that put the name of the host into the name of the initiator.
_HOST = lazy_pattern(
    r"iqn\.(?:1991-05\.com\.microsoft|1998-01\.com\.vmware):([a-z0-9][a-z0-9.-]{0,62}?)(?:-[0-9a-f]{8})?(?::|$)"
)


class IscsiLogin(PasswordLogin):
    """``method``: ``chap``, or ``none`` if the target serves any initiator."""

    target: str = ""


class Iscsi(Dissector):
    """The first messages of each side."""

    interest = Interest(tcp=(PORT,), stream=True, opening=4)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return IscsiStream()


class IscsiStream(FramedStream):
    """The login of a session and the targets it lists. A session captured from its middle yields nothing."""

    head = HEAD_SIZE
    keep = 8192
    resumes = False

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, str] = {}  # what the initiator sent during the login

    def size(self, data: bytes, at: int) -> int:
        if not self._keys and data[at] & OPERATION != LOGIN:
            self.done = True  # another protocol, or the middle of a session
            return 0
        size = int.from_bytes(data[at + 5 : at + 8], "big")
        return HEAD_SIZE + 4 * data[at + 4] + (size + 3) // 4 * 4

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self.done = True
        return iter(())

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        operation, start = data[0] & OPERATION, HEAD_SIZE + 4 * data[4]
        pairs = _pairs(data[start : start + int.from_bytes(data[5:8], "big")])
        if operation == LOGIN and from_client:
            return iter(self._initiator(packet, pairs))
        if operation == LOGIN_ANSWER and not from_client:
            return iter(self._answer(packet, data))
        self.done = operation != TEXT
        if operation == TEXT_ANSWER and not from_client:
            names = [value for name, value in pairs if name == "TargetName"]
            return iter(facts(packet, [("iscsi.target", name) for name in dict.fromkeys(names[:TARGETS_LIMIT])]))
        return iter(())

    def _initiator(self, packet: Packet, pairs: list[tuple[str, str]]) -> list[Parsed]:
        """A request of the login. The first one names the initiator."""
        first = not self._keys
        self._keys |= {name: value for name, value in pairs if name in KEYS}
        name = self._keys.get("InitiatorName", "")
        self.done = not name
        if not first or self.done:
            return []
        found = _HOST.match(name)
        host = self._keys.get("InitiatorAlias") or (found[1] if found else "")
        return facts(packet, [("iscsi.initiator", name), ("iscsi.hostname", host)])

    def _answer(self, packet: Packet, data: bytes) -> list[Parsed]:
        """An answer during the login: the result of CHAP, and the end of the login."""
        status, user, target = data[STATUS], self._keys.get("CHAP_N", ""), self._keys.get("TargetName", "")
        accepted, last = status == SUCCESS, data[1] & TRANSIT and data[1] & NEXT == FULL_FEATURE
        self.done = not accepted or bool(last and target)
        if user and status == DENIED:
            return [IscsiLogin(packet, user, CHAP, False, target=target)]
        if not (accepted and last and (user or target)):  # without both, anyone may list the targets
            return []
        login = IscsiLogin(packet, user, CHAP if user else NONE, True, target=target)
        return [login, *facts(packet, [("iscsi.target", target)])]


def _pairs(data: bytes) -> list[tuple[str, str]]:
    """Keys and values, each pair ended by a zero byte (RFC 7143, 6.1)."""
    parts = (pair.partition(b"=") for pair in data.split(b"\0"))
    return [(clean(name, NAME_LIMIT), clean(value, NAME_LIMIT)) for name, found, value in parts if found]

"""A service is created, changed or started on another host through the Service Control Manager (MS-SCMR): PsExec,
smbexec and similar run programs like this.

The pipes of such tools show an execution whose beginning is not captured. Queries (status, configuration, lists) are
monitoring and are ignored. Arguments may be encrypted: the calls are not. In encrypted SMB 3 only the sizes of messages
show: a large call on a handle that a tool opened, which may create a service (low severity).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import ADMIN_SHARES, PAIRS_LIMIT, PIPE_SHARE, CallDetector, pair_of, quoted
from sensor.dissectors.shared.rpc_events import RpcCall
from sensor.dissectors.shared.smb_events import SmbCreate, SmbEncryptedCall

SERVICE, EXECUTION, SHARES, STOP = "T1543.003", "T1569.002", "T1021.002", "T1489"
BOTH = (SERVICE, EXECUTION)
CREATES = frozenset((12, 24, 44, 45, 60))
CHANGES = frozenset((11, 23))
STARTS = frozenset((19, 31))
CONTROLS = 1  # stop, pause, continue
OPENS = frozenset((16, 28))
MEMORY_S = 600
# Bytes of a call in encrypted SMB: a creation with the shortest names and program has 150, opening a service below 100.
SEALED_CALL = 150
# Pipes of remote execution services: RemCom (impacket, Metasploit), PAExec, CSExec, and PsExec, whose service may have
# any name (host, process, stream).
_TOOL_PIPE = lazy_pattern(
    r"^(?:RemCom_\w{1,40}|PAExec\w{0,40}|csexecsvc|PSEXESVC|[\w.-]{1,40}-[\w-]{1,63}-\d{1,6}-std(?:in|out|err))$",
    re.IGNORECASE,
)
# Programs of services that tools create, instead of a service's own program.
SHELL = (
    "%comspec%", "cmd.exe", "cmd /", "powershell", "pwsh", "rundll32", "mshta", "regsvr32", "wscript", "cscript",
    "certutil", "bitsadmin", "\\\\127.0.0.1\\", "admin$",
)  # fmt: skip


class _Pair(msgspec.Struct):
    """Recent actions of one host on another: service creation, writes to an administrative share, the file; the opened
    service.
    """

    created: int = 0
    wrote: int = 0
    written: str = ""
    service: str = ""


class RemoteService(CallDetector):
    """Watches Service Control Manager calls, and files written to administrative shares before them."""

    title = "PsExec-style remote service execution"
    severity = Severity.high
    techniques = (EXECUTION, SERVICE, SHARES)
    advice = (
        "Ask who administers the target from this host. If no one does, isolate both, review the service and its "
        "program (event 7045 in the target's system log), identify the account, and restrict the Service Control "
        "Manager to management hosts."
    )
    false_positives = (
        "Administrators with PsExec or sc.exe, deployment and inventory programs that install an "
        "agent: add their hosts to `managers`."
    )
    watches = (RpcCall, SmbCreate, SmbEncryptedCall)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._pairs: Bounded[tuple[int, int], _Pair] = self.tables.add("pairs", Bounded(PAIRS_LIMIT))

    def wants(self) -> dict[type[Event], Want]:
        return {
            RpcCall: field("interface") == "svcctl",
            SmbCreate: (field("writes").filled() & field("share").is_in(*ADMIN_SHARES))
            | ((field("share") == PIPE_SHARE) & field("name").matches(_TOOL_PIPE)),
            SmbEncryptedCall: (field("size") >= SEALED_CALL) & ~field("document").filled(),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, RpcCall):
            if event.interface == "svcctl":
                yield from self._call(event)
        elif isinstance(event, SmbEncryptedCall):
            if event.size >= SEALED_CALL and not event.document:
                yield self._sealed(event)
        elif isinstance(event, SmbCreate) and event.share == PIPE_SHARE and _TOOL_PIPE.search(event.name):
            why = (
                f"it opened the pipe {event.name!r}, as PsExec and similar tools do for the program's input and output",
            )
            yield self.call_alert(event, "opened a pipe of a remote execution tool on", why, key=("pipe",), app="smb")
        elif isinstance(event, SmbCreate) and event.writes and event.share in ADMIN_SHARES:
            pair = self._pair(event)
            pair.wrote, pair.written = event.ts, f"{event.share}\\{event.name}"

    def _sealed(self, event: SmbEncryptedCall) -> Alert:
        why = (
            f"a call of {event.size} bytes on an opened handle (threshold {SEALED_CALL}), as to create a service",
            "the message sizes are those of tools such as Impacket, not of Windows; their content is encrypted",
        )
        return self.call_alert(
            event,
            "sent calls that may create a service, in encrypted SMB, to",
            why,
            {"bytes": event.size, "threshold": SEALED_CALL},
            key=("sealed",),
            severity=Severity.low,
            confidence=0.4,
            techniques=(SHARES, EXECUTION),
            app="smb",
        )

    def _pair(self, event: Event) -> _Pair:
        key = pair_of(event.packet)
        pair = self._pairs.get(key)
        if pair is None:
            pair = _Pair()
            self._pairs.put(key, pair)
        return pair

    def _call(self, event: RpcCall) -> Iterator[Alert]:
        number, pair = event.number, self._pair(event)
        if number in OPENS:
            pair.service = event.texts[0] if event.texts else ""
        elif number in CREATES:
            pair.created, pair.service = event.ts, event.texts[0] if event.texts else ""
            yield self._made(event, pair, "created", BOTH, "create", Severity.high)
        elif number in CHANGES:
            program = any(_is_program(text) for text in event.texts)
            grade = Severity.high if program else Severity.medium
            yield self._made(event, pair, "changed", BOTH, "change", grade)
        elif number in STARTS:
            prepared = self._recent(event, pair.created) or self._recent(event, pair.wrote)
            grade = Severity.high if prepared else Severity.medium
            yield self._made(event, pair, "started", (EXECUTION,), "start", grade)
        elif number == CONTROLS:
            yield self._made(event, pair, "controlled", (STOP,), "control", Severity.low)

    def _recent(self, event: Event, then: int) -> bool:
        return bool(then) and event.ts - then <= MEMORY_S * SECOND

    def _made(
        self, event: RpcCall, pair: _Pair, action: str, techniques: tuple[str, ...], kind: str, grade: Severity
    ) -> Alert:
        why = [
            f"svcctl {event.call} {'through the pipe ' + event.pipe if event.pipe else 'over TCP'}"
            + (", arguments encrypted" if event.encrypted else "")
        ]
        if event.texts:
            why.append(f"arguments: {quoted(event.texts)}")
        if any(shell in text.lower() for text in event.texts for shell in SHELL):
            why.append("it runs a shell or a system program, as remote execution tools do, and services do not")
        if self._recent(event, pair.wrote):
            why.append(
                f"the actor wrote {pair.written!r} to the target {(event.ts - pair.wrote) // SECOND} s before, "
                "like PsExec"
            )
        if kind == "start" and self._recent(event, pair.created):
            why.append(f"the actor created a service there {(event.ts - pair.created) // SECOND} s before")
            techniques = (*techniques, SERVICE)
        if event.pipe or self._recent(event, pair.wrote):
            techniques = (*techniques, SHARES)
        name = f"{action} the service {pair.service!r} on" if pair.service else f"{action} a service on"
        return self.call_alert(event, name, why, key=(kind,), severity=grade, techniques=techniques)


def _is_program(text: str) -> bool:
    """Whether a text among the arguments is the program of the service."""
    return "\\" in text or "%" in text or ".exe" in text.lower()

"""A task is created or run on another host through its Task Scheduler: the AT or the current interface. In encrypted
SMB 3 only the sizes of messages show: a tool's first call, as long as a task, is answered with a path (low severity).
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, field, fields
from sensor.detectors.shared.calls import CallDetector, quoted
from sensor.dissectors.shared.rpc_events import RpcCall
from sensor.dissectors.shared.smb_events import SmbEncryptedCall

AT, TASK, SHARES = "T1053.002", "T1053.005", "T1021.002"
# Minimum size of NetrJobAdd arguments: an unnamed server, and the job ([MS-TSCH] 3.2.5.2.1).
JOB_SIZE = 24
# Call number → (action, technique, severity)
ACTIONS = {
    ("atsvc", 0): ("added an AT job on", AT, Severity.high),
    ("ITaskSchedulerService", 1): ("registered a scheduled task on", TASK, Severity.high),
    ("ITaskSchedulerService", 12): ("ran a scheduled task on", TASK, Severity.medium),
    ("sasec", 0): ("set the account of a scheduled task on", TASK, Severity.medium),
}


class RemoteTask(CallDetector):
    """Watches calls of both Task Scheduler interfaces, and sizes of encrypted calls; queries are ignored."""

    title = "Scheduled task created remotely"
    severity = Severity.high
    techniques = (TASK, AT, SHARES)
    advice = (
        "Ask who administers the target from this host. If no one does, review the target's tasks (event 4698 in its "
        "security log, folder Windows\\System32\\Tasks), isolate both hosts, and identify the account."
    )
    false_positives = (
        "Administrators and deployment programs that schedule tasks remotely: add their hosts to `managers`."
    )
    watches = (RpcCall, SmbEncryptedCall)

    def wants(self) -> dict[type[Event], Want]:
        return {
            RpcCall: fields("interface", "number").is_in(ACTIONS),
            SmbEncryptedCall: field("document").filled(),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, SmbEncryptedCall) and event.document:
            yield self._sealed(event)
        if not isinstance(event, RpcCall) or (action := ACTIONS.get((event.interface, event.number))) is None:
            return
        if event.interface == "atsvc" and event.size < JOB_SIZE:
            return
        what, technique, grade = action
        sealed = ", arguments encrypted" if event.encrypted else ""
        why = [
            f"{event.interface} {event.call} {'through the pipe ' + event.pipe if event.pipe else 'over TCP'}{sealed}"
        ]
        if event.texts:
            why.append(f"arguments: {quoted(event.texts)}")
        yield self.call_alert(
            event,
            what,
            why,
            key=(event.interface, event.number),
            severity=grade,
            techniques=(technique, SHARES) if event.pipe else (technique,),
        )

    def _sealed(self, event: SmbEncryptedCall) -> Alert:
        why = (
            f"the first call has {event.size} bytes and was answered with a path, as the registration of a task",
            "the message sizes are those of tools such as Impacket, not of Windows; their content is encrypted",
        )
        return self.call_alert(
            event,
            "sent a call that may register a scheduled task, in encrypted SMB, to",
            why,
            {"bytes": event.size},
            key=("sealed",),
            severity=Severity.low,
            confidence=0.5,
            techniques=(TASK, SHARES),
            app="smb",
        )

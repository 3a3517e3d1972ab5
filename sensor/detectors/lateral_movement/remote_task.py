"""A task is created or run on another host through its Task Scheduler: the AT or the current interface."""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, fields
from sensor.detectors.shared.calls import CallDetector, quoted
from sensor.dissectors.shared.rpc_events import RpcCall

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
    """Watches calls of both Task Scheduler interfaces; queries are ignored."""

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
    watches = (RpcCall,)

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: fields("interface", "number").is_in(ACTIONS)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall) or (action := ACTIONS.get((event.interface, event.number))) is None:
            return
        if event.interface == "atsvc" and event.size < JOB_SIZE:
            return
        what, technique, grade = action
        sealed = ", arguments encrypted" if event.level >= 6 else ""
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

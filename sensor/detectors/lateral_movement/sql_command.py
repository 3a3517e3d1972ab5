"""Commands are run on a host through its SQL Server: by procedures that start programs, by code that is loaded into the
database, or by a file on another host, which makes the server log in there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.detectors.shared.calls import CallDetector
from sensor.dissectors.tds_batch import TdsCommand


class Action(NamedTuple):
    """Action of a procedure, and its techniques."""

    what: str
    techniques: tuple[str, ...]
    severity: Severity


ACTIONS = {
    "xp_cmdshell": Action("ran a command through SQL Server on", ("T1059.003", "T1505.001", "T1210"), Severity.medium),
    "sp_oacreate": Action(
        "created an automation object through SQL Server on", ("T1505.001", "T1059"), Severity.medium
    ),
    "sp_execute_external_script": Action("ran a script through SQL Server on", ("T1505.001", "T1059"), Severity.low),
    "create assembly": Action("loaded code into SQL Server on", ("T1505.001",), Severity.low),
    "xp_regwrite": Action("wrote to the registry through SQL Server on", ("T1112", "T1505.001"), Severity.medium),
    "xp_dirtree": Action("made SQL Server open a share of another host on", ("T1187", "T1557.001"), Severity.medium),
    "sp_start_job": Action("started a job of SQL Server on", ("T1505.001",), Severity.info),
}
# Typical first commands of intruders.
SHELLS = lazy_pattern(
    r"powershell|cmd\s*/c|whoami|net\s+(?:user|localgroup|group)|certutil|bitsadmin|mshta|rundll32|ipconfig|systeminfo|"
    r"tasklist|reg\s+(?:add|save)|wscript|nltest|ftp\s",
    re.IGNORECASE,
)
ELSEWHERE = lazy_pattern(r"['\"]\s*\\\\[^\\?.]")


class SqlCommand(CallDetector):
    """Watches procedures with effects outside of the database."""

    title = "Command executed through SQL Server"
    severity = Severity.medium
    techniques = ("T1059.003", "T1505.001", "T1187")
    advice = (
        "Ask who administers the database from this host. If no one does, isolate both hosts, review the account that "
        "was used, and disable xp_cmdshell and OLE automation."
    )
    false_positives = "Jobs and old applications that run programs through the database: add their hosts to `managers`."
    watches = (TdsCommand,)

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, TdsCommand):
            return
        action = ACTIONS[event.procedure]
        if event.procedure == "xp_dirtree" and not ELSEWHERE.search(event.text):
            return
        shell = SHELLS.search(event.text) is not None
        grade = Severity.high if shell and action.severity >= Severity.medium else action.severity
        why = [f"statement: {event.text!r}"]
        if shell:
            why.append("it runs a shell or a program that is common in reconnaissance after an attack")
        yield self.call_alert(
            event,
            action.what,
            why,
            key=(event.procedure,),
            severity=grade,
            confidence=0.85 if shell else 0.7,
            techniques=action.techniques,
            app="tds",
        )

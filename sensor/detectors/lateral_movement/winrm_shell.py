"""A session of Windows Remote Management (WS-Management over HTTP): PowerShell remoting and remote shells.

Which commands run is encrypted; that a session is there, is not. Forwarding of events goes the same way and is left out. Over TLS only the flow shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.detectors._calls import CallDetector
from sensor.dissectors.http import HttpRequest

SERVICE = re.compile(r"/wsman(?:[/?-]|$)")
# What Windows itself calls its client; others are libraries, and the tools built upon them.
WINDOWS = "microsoft winrm client"
TOOLS = ("ruby", "python", "winrm", "evil", "go-http", "masterzen", "curl")
FORWARDING = ("subscriptionmanager", "/subscriptions/", "/wsman-anon")


class WinrmShell(CallDetector):
    """Watches requests for /wsman; each pair of machines is one finding."""

    title = "Remote management session (WinRM)"
    severity = Severity.medium
    techniques = ("T1021.006",)
    advice = (
        "Ask whether somebody administers the target from this machine. If not, look at the target's WinRM and PowerShell logs (events 91 and 4104), isolate "
        "both, and allow port 5985 only from management machines."
    )
    false_positives = "Administrators with PowerShell remoting, automation such as Ansible: name their machines as managers."
    watches = (HttpRequest,)

    def wants(self) -> dict[type[Event], Want]:
        return {HttpRequest: (field("method") == "POST") & field("path").passes(lambda path: SERVICE.match(path.lower()))}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, HttpRequest) or event.method != "POST":
            return
        path, agent = event.path.lower(), event.user_agent.lower()
        if not SERVICE.match(path) or any(word in path for word in FORWARDING):
            return
        tool = agent != WINDOWS and any(word in agent for word in TOOLS)
        why = [f"POST {event.path!r} by {event.user_agent!r}" if event.user_agent else f"POST {event.path!r} by a client that does not name itself"]
        if "psversion=" in path:
            why.append("the path is that of PowerShell remoting")
        if tool:
            why.append("the client is not Windows itself but a library, as penetration tools use it")
        numbers: dict[str, int | float | str] = {"sessions": 1, "threshold": 1, "user_agent": event.user_agent[:120]}
        yield self.told(event, "opened a WinRM session on", why, numbers, severity=Severity.high if tool else Severity.medium, app="winrm")

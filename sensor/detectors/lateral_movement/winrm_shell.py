"""A Windows Remote Management session (WS-Management over HTTP): PowerShell remoting and remote shells.

The commands are encrypted, the session is visible. Event forwarding uses the same path and is ignored. Over TLS only
the flow is visible.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import CallDetector
from sensor.detectors.shared.hosts import Numbers
from sensor.dissectors.http import HttpRequest

SERVICE = lazy_pattern(r"/wsman(?:[/?-]|$)")
# User agent of Windows; others are libraries, and tools based on them.
WINDOWS = "microsoft winrm client"
TOOLS = ("ruby", "python", "winrm", "evil", "go-http", "masterzen", "curl")
FORWARDING = ("subscriptionmanager", "/subscriptions/", "/wsman-anon")


class WinrmShell(CallDetector):
    """Watches requests for /wsman; one alert for each pair of hosts."""

    title = "WinRM session (PowerShell remoting)"
    severity = Severity.medium
    techniques = ("T1021.006", "T1059.001")
    advice = (
        "Ask who administers the target from this host. If no one does, review the target's WinRM and PowerShell logs "
        "(events 91 and 4104), isolate both, and restrict port 5985 to management hosts."
    )
    false_positives = (
        "Administrators with PowerShell remoting, automation such as Ansible: add their hosts to `managers`."
    )
    watches = (HttpRequest,)

    def wants(self) -> dict[type[Event], Want]:
        return {
            HttpRequest: (field("method") == "POST") & field("path").passes(lambda path: SERVICE.match(path.lower()))
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, HttpRequest) or event.method != "POST":
            return
        path, agent = event.path.lower(), event.user_agent.lower()
        if not SERVICE.match(path) or any(word in path for word in FORWARDING):
            return
        tool = agent != WINDOWS and any(word in agent for word in TOOLS)
        why = [
            f"POST {event.path!r}, user agent {event.user_agent!r}"
            if event.user_agent
            else f"POST {event.path!r} without a user agent"
        ]
        if "psversion=" in path:
            why.append("the path of PowerShell remoting")
        if tool:
            why.append("the client is not Windows but a library, as penetration testing tools use")
        numbers: Numbers = {"sessions": 1, "threshold": 1, "user_agent": event.user_agent[:120]}
        yield self.call_alert(
            event,
            "opened a WinRM session on",
            why,
            numbers,
            severity=Severity.high if tool else Severity.medium,
            app="winrm",
        )

"""A certificate is requested from Active Directory Certificate Services in a way that tools use: over the old RPC
interface ([MS-ICPR]), or from the web enrollment pages without a browser, as relays of NTLM do.

Windows enrolls over DCOM ([MS-WCCE]); users open the pages in a browser. A certificate for another account lets its
holder log in as this account until it expires. What was requested is encrypted.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import CallDetector
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.shared.rpc_events import RpcCall

PAGE = "/certsrv/certfnsh.asp"


class CertificateRequest(CallDetector):
    """Watches requests for certificates over RPC and HTTP."""

    title = "Certificate requested by a tool (AD CS)"
    severity = Severity.medium
    techniques = ("T1649",)
    advice = (
        "Find the request in the certification authority (event 4886): which template, for whom, by whom. Revoke a "
        "certificate for another account. Require HTTPS and extended protection for web enrollment, and restrict "
        "templates."
    )
    false_positives = "Appliances and scripts that enroll over the old interface: add their hosts to `managers`."
    watches = (RpcCall, HttpRequest)

    def wants(self) -> dict[type[Event], Want]:
        return {
            RpcCall: field("interface") == "ICertPassage",
            HttpRequest: (field("method") == "POST") & field("path").passes(_is_enrollment),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, RpcCall) and event.interface == "ICertPassage":
            reason = f"{event.interface} {event.call or event.number}, which Windows does not use to enroll"
            yield self.call_alert(
                event, "requested a certificate over RPC from", (reason,), key=("rpc",), confidence=0.6
            )
        elif isinstance(event, HttpRequest) and _is_tool(event):
            why = (
                f"request for {PAGE} with the user agent {event.user_agent[:80] or '(none)'!r}",
                "it lacks the header fields of a browser",
            )
            yield self.call_alert(
                event,
                "requested a certificate from the web enrollment of",
                why,
                key=("web",),
                severity=Severity.high,
                confidence=0.8,
                techniques=("T1649", "T1557.001"),
                app="http",
            )


def _is_enrollment(path: str) -> bool:
    return path.lower().startswith(PAGE)


def _is_tool(event: HttpRequest) -> bool:
    """Whether a program other than a browser submits a request; a truncated header may hold more fields."""
    browser = "accept-language" in event.headers or "referer" in event.headers
    return event.method == "POST" and _is_enrollment(event.path) and not browser and not event.truncated

"""Web services that malware uses to report and to receive commands: the interface for Telegram bots, collectors of
requests, and sites for texts, recognized by requested names.

People use the messengers and sites in programs and browsers; the interface for bots is used by scripts only.
"""

from __future__ import annotations

from sensor.core.alert import Severity
from sensor.detectors.shared.services import NamedServices


class WebService(NamedServices):
    """Watches DNS, TLS, QUIC and HTTP."""

    title = "Web service used for control or collection"
    severity = Severity.low
    adjusts_severity = True
    techniques = ("T1102", "T1567", "T1071.001")
    advice = (
        "Identify the program behind the connection. A script of your own that sends messages is harmless: add the "
        "domain to `allowed`. Otherwise look for an information stealer on the host."
    )
    false_positives = "Monitoring that sends messages through a bot; developers who share texts."
    domains = {
        "Telegram bots": "api.telegram.org",
        "Pastebin": "pastebin.com pastebin.pl",
        "paste.ee": "paste.ee",
        "rentry": "rentry.co rentry.org",
        "Hastebin": "hastebin.com",
        "ControlC": "controlc.com",
        "Webhook.site": "webhook.site",
        "RequestBin": "requestbin.com requestbin.net pipedream.net",
        "Beeceptor": "beeceptor.com",
    }

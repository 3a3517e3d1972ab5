"""A host requests a name of a service for out-of-band tests, which proves a vulnerability: testers and attackers put
such a name into requests and wait for the target to look it up.

The lookup is the success of a blind attack (Log4Shell, SSRF, command injection), and needs no connection to the
attacker. Only the host that looked it up is known; a resolver does it on behalf of others.
"""

from __future__ import annotations

from sensor.core.alert import Severity
from sensor.detectors.shared.services import NamedServices


class OutOfBand(NamedServices):
    """Watches DNS, TLS, QUIC and HTTP."""

    title = "Lookup of a vulnerability test (out-of-band)"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1190", "T1595.002")
    advice = (
        "Find the request that contained this name in the logs of the host, or of the servers that use it as a "
        "resolver. If no test was planned, treat the server as vulnerable and review the connections that it opened."
    )
    false_positives = "An authorized security test; a tester who opens the service's own pages."
    domains = {
        "Burp Collaborator": "burpcollaborator.net oastify.com",
        "Interactsh": "interact.sh oast.pro oast.live oast.site oast.online oast.fun oast.me",
        "DNSLog": "dnslog.cn dnslog.link",
        "CEYE": "ceye.io",
        "Requestrepo": "requestrepo.com",
        "Acunetix AcuMonitor": "bxss.me",
        "XSS Hunter": "xss.ht",
    }

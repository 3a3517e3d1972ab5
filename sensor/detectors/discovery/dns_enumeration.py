"""DNS enumeration: a host tries names of a domain from a word list, or looks up the names of all addresses of a network
(dnsenum, dnsrecon, fierce, Nmap `-sL`).

It counts names with the answer NXDOMAIN, REFUSED or SERVFAIL that differ only in their first label. Random labels do
not count: they are identifiers or the work of a domain generation algorithm, which other detections report. Whole
domains or addresses in front of another domain do not count either: they are caused by a wrong search suffix and by
lookups in block lists (RFC 5782). A server that refuses names of several domains, or fails for them, does not serve
this client: its responses do not count. If it fails for most names of one domain, the domain may be unavailable: low
severity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.dns_codes import NXDOMAIN, REFUSED, SERVFAIL
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import app_of, ends_of, is_fixed_function, network_of_packet, who
from sensor.detectors.shared.names import GENERATED, REVERSED, generated, is_address
from sensor.dissectors.dns import DnsResponse

PARENTS_LIMIT, NAMES_LIMIT, REPORTED_LIMIT = 4096, 256, 1024
LABEL_LIMIT = 24
AGAIN_S = 3600
DENIALS = {NXDOMAIN: "do not exist", REFUSED: "the server refused", SERVFAIL: "the server failed to resolve"}
REFUSED_DOMAINS = 3  # of one client; more are refused, or fail, whatever it looks up
# Top-level domains that begin the parent of a whole domain, as in example.com.corp.example; countries have two letters.
TOP_LEVEL = frozenset(
    ("com", "net", "org", "info", "biz", "edu", "gov", "online", "shop", "site", "store", "top", "xyz")
)


class Options(detector.Options):
    """Threshold."""

    names: int = Field(
        60, ge=10, le=NAMES_LIMIT, description="threshold: names of one domain or network without an answer"
    )
    window_s: int = Field(60, ge=10, le=86400, description="time window in seconds")


class DnsEnumeration(EventDetector):
    """Watches answers NXDOMAIN, REFUSED and SERVFAIL, by client and parent domain."""

    title = "DNS enumeration (subdomains, reverse lookups)"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1590.002", "T1595.003", "T1018")
    advice = (
        "Identify the program on the client. If it is not a test of your own, review which of the names exist, and "
        "what the client connected to afterwards."
    )
    false_positives = (
        "Address management and monitoring that resolve whole networks, or hosts of a domain that is unavailable (low "
        "severity); security tests."
    )
    decisive = {"names": "names"}
    Options = Options
    watches = (DnsResponse,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._denied: Distinct[tuple[int, str], str] = self.tables.add(
            "denied", Distinct(self.options.window_s * SECOND, PARENTS_LIMIT, NAMES_LIMIT)
        )
        self._failed: Distinct[tuple[int, str], str] = self.tables.add(
            "failed", Distinct(self.options.window_s * SECOND, PARENTS_LIMIT, NAMES_LIMIT)
        )
        # (client, server) → parent domains whose names the server refused or failed to resolve
        self._refused: Distinct[tuple[int, int], str] = self.tables.add(
            "refused", Distinct(self.options.window_s * SECOND, PARENTS_LIMIT, REFUSED_DOMAINS + 1)
        )
        self._reported: Recent[tuple[int, str]] = self.tables.add("reported", Recent(REPORTED_LIMIT, AGAIN_S * SECOND))

    def wants(self) -> dict[type[Event], Want]:
        return {DnsResponse: field("rcode").is_in(*DENIALS)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, DnsResponse) or event.rcode not in DENIALS:
            return
        label, _, parent = event.name.partition(".")
        client = event.packet.dst
        server = client, event.packet.src
        if event.rcode != NXDOMAIN and self._refused.add(server, parent, event.ts) > REFUSED_DOMAINS:
            return
        if "." not in parent or _is_appended(parent) or _is_listed(event.name):
            return
        if len(label) > LABEL_LIMIT or generated(label) >= GENERATED:
            return
        if event.rcode == SERVFAIL:
            self._failed.add((client, parent), label, event.ts)
        if self._denied.add((client, parent), label, event.ts) < self.options.names:
            return
        if self._reported.fresh((client, parent), event.ts):
            yield self._alert(event, parent, self._denied.values((client, parent)))

    def _alert(self, event: DnsResponse, parent: str, labels: list[str]) -> Alert:
        want, reverse = self.options, parent.endswith(REVERSED)
        failed = len(self._failed.values((event.packet.dst, parent)))
        unsure = reverse or 2 * failed >= len(labels)
        actor, server, sport, dport = ends_of(event.packet, answer=True)
        what = "reverse lookups of a network" if reverse else f"names of the domain {parent}"
        severe = is_fixed_function(self.context, actor)
        return self.alert(
            event,
            actor=actor,
            target=server,
            summary=f"{who(self.context, actor)} tried {what} that {DENIALS[event.rcode]}",
            why=(
                (
                    f"NXDOMAIN, REFUSED or SERVFAIL for {len(labels)} names in {parent} within {want.window_s} s "
                    f"(threshold {want.names})"
                ),
                *([f"SERVFAIL for {failed} of them: the domain may be unavailable"] if failed else []),
                f"including {some(labels[-5:])}",
            ),
            numbers={"names": len(labels), "failed": failed, "threshold": want.names, "window_s": want.window_s},
            key=(parent,),
            severity=Severity.high if severe else Severity.low if unsure else Severity.medium,
            confidence=0.6 if unsure else 0.75,
            actor_port=sport,
            target_port=dport,
            network=network_of_packet(self.context, event.packet, app_of(event), answer=True),
        )


def _is_listed(name: str) -> bool:
    """Whether a name is the look-up of an address in a block list (RFC 5782, 2.1)."""
    return name[0].isdigit() and is_address(name) and not name.endswith(REVERSED)


def _is_appended(parent: str) -> bool:
    """Whether a parent begins with a top-level domain, and another domain follows."""
    first, _, rest = parent.partition(".")
    return "." in rest and first.isalpha() and (len(first) == 2 or first in TOP_LEVEL)

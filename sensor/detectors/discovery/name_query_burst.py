"""NXDOMAIN burst: a host queries many domains that do not exist, as malware with a domain generation algorithm does.

Counted by client over distinct domains with an NXDOMAIN answer. Names that look random count fully, others less: some
algorithms combine words, but users mistype, and mail servers resolve sender domains.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.dns_codes import NXDOMAIN
from sensor.core.domains import registered
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import app_of, ends_of, is_fixed_function, network_of_packet, who
from sensor.detectors.shared.names import GENERATED, REVERSED, generated
from sensor.dissectors.dns import DnsResponse

CLIENTS_LIMIT, NAMES_LIMIT = 2048, 256
STEP, DAY_S = 5, 86_400
OWN = ("local", "lan", "home", "internal", "localdomain", "arpa", "corp", "test", "invalid")


class Options(detector.Options):
    """When NXDOMAIN answers are a DGA."""

    names: int = Field(25, ge=5, le=NAMES_LIMIT, description="threshold: weighted number of domains with NXDOMAIN")
    window_s: int = Field(60, ge=10, le=3600, description="time window in seconds")
    slow_names: int = Field(
        40, ge=5, le=NAMES_LIMIT, description="threshold over an hour, where nearly all names look random"
    )
    day_names: int = Field(
        100, ge=5, le=NAMES_LIMIT, description="threshold within a day, where nearly all names look random"
    )
    plain_weight: float = Field(0.4, ge=0, le=1, description="weight of a domain that does not look random")


class NameQueryBurst(EventDetector):
    """Watches NXDOMAIN answers."""

    title = "NXDOMAIN burst (possible DGA)"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1568.002", "T1071.004")
    advice = "Identify the program and whether one of its names resolved: that is the C2 server. Isolate the host."
    false_positives = "Mail servers, crawlers and scanners that resolve external domains; a wrong DNS search suffix."
    Options = Options
    watches = (DnsResponse,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._denied: Distinct[int, str] = self.tables.add(
            "denied", Distinct(self.options.window_s * SECOND, CLIENTS_LIMIT, NAMES_LIMIT)
        )
        self._random: Distinct[int, str] = self.tables.add(
            "made_up", Distinct(3600 * SECOND, CLIENTS_LIMIT, NAMES_LIMIT)
        )
        self._in_a_day: Distinct[int, str] = self.tables.add(
            "in_a_day", Distinct(DAY_S * SECOND, CLIENTS_LIMIT, NAMES_LIMIT)
        )
        self._evaluated: Recent[tuple[int, int]] = self.tables.add(
            "evaluated", Recent(CLIENTS_LIMIT, self.options.window_s * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        return {DnsResponse: field("rcode") == NXDOMAIN}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, DnsResponse) and event.rcode == NXDOMAIN and "." in event.name:
            return self._name(event)
        return iter(())

    def _name(self, event: DnsResponse) -> Iterator[Alert]:
        want, client = self.options, event.packet.dst
        domain = registered(event.name)
        if domain.rpartition(".")[2] in OWN or event.name.endswith(REVERSED):
            return
        count = self._denied.add(client, domain, event.ts)
        random = _looks_random(domain)
        slow = self._random.add(client, domain, event.ts) if random else 0
        day = self._in_a_day.add(client, domain, event.ts) if random else 0
        if (
            (count % STEP or count < want.names)
            and (slow % STEP or slow < want.slow_names)
            and (day % STEP or day < want.day_names)
        ):
            return
        names = self._denied.values(client)
        made_up = sum(map(_looks_random, names))
        score = made_up + want.plain_weight * (len(names) - made_up)
        enough = score >= want.names or slow >= want.slow_names or day >= want.day_names
        if enough and self._evaluated.fresh((client, max(count, slow, day)), event.ts):
            yield self._alert(event, names, made_up, max(slow, len(names), day if day >= want.day_names else 0))

    def _alert(self, event: DnsResponse, names: list[str], made_up: int, count: int) -> Alert:
        want = self.options
        actor, server, sport, dport = ends_of(event.packet, answer=True)
        return self.alert(
            event,
            actor=actor,
            target=server,
            summary=f"{who(self.context, actor)} queried {count} domains that do not exist (NXDOMAIN)",
            why=(
                (
                    f"NXDOMAIN for {len(names)} domains within {want.window_s} s, {made_up} of them look random "
                    f"(threshold {want.names}, {want.slow_names} random ones within an hour, or {want.day_names} "
                    "within a day)"
                ),
                f"including {some(names[-5:])}",
            ),
            numbers={"domains": count, "made_up": made_up, "threshold": want.names, "window_s": want.window_s},
            severity=Severity.high if is_fixed_function(self.context, actor) else Severity.medium,
            confidence=0.9 if made_up * 2 > len(names) else 0.7,
            actor_port=sport,
            target_port=dport,
            network=network_of_packet(self.context, event.packet, app_of(event), answer=True),
        )


def _looks_random(domain: str) -> bool:
    return generated(domain.partition(".")[0]) >= GENERATED

"""Data travels in the names and answers of DNS: iodine, dnscat and their like, commands in TXT records, files in names.

Judged by client and registered domain over a window, each time ten more different names were asked for: how many there are, how much they carry, whether they
look like data, and the types of records asked for. Content networks and reputation services ask for many odd names too; the latter, and block lists asked for
addresses in reverse, are known by name and shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from pydantic import Field

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.tally import Counts, Distinct
from sensor.core.wants import Want, field
from sensor.detectors._names import ODD, REVERSED, below, is_address, is_coded, registered, under
from sensor.detectors._words import ends_of, is_fixed_function, network_of_packet, some, who
from sensor.dissectors.dns import DnsQuery, DnsResponse

SECOND = 1_000_000_000
KEYS_LIMIT, NAMES_LIMIT = 2048, 256
STEP = 10
# Types of records (IANA DNS parameters): those that carry free data, and those of which no client has a use.
NULL, TXT, KEY, PRIVATE = 10, 16, 25, range(65280, 65535)
HOSTS = frozenset((1, 28, 65))
CARRIERS = frozenset((NULL, TXT, KEY, 5, 15, 33, 65399))
MULTICAST = ("local", "arpa")
# Services that are asked about files, addresses or senders by names that hold their numbers; senders of mail for many, each of whom has a key of its own
# (DKIM, RFC 6376); clouds that number their own machines, measurements and frames of pages. Nobody else may put names below any of them.
ASKED_BY_NAME = tuple(
    "sophosxl.net mcafee.com trendmicro.com cymru.com spamhaus.org spamhaus.net barracudacentral.org senderbase.org sorbs.net spamcop.net surbl.org uribl.com "
    "msbl.org mailspike.net rspamd.com spameatingmonkey.net invaluement.com junkemailfilter.com backscatterer.org "
    "e5.sk eset.com bitdefender.net webrootcloudav.com kaspersky-labs.com avast.com avg.com avira.com habeas.com dnswl.org returnpath.net "
    "amazonses.com onmicrosoft.com gappssmtp.com sendgrid.net mandrillapp.com mcsv.net mailgun.org mtasv.net sparkpostmail.com hubspotemail.net "
    "googlevideo.com googleusercontent.com googlesyndication.com gstatic.com cloudfront.net amazonaws.com akamaihd.net akamaized.net aaplimg.com icloud.com "
    "windows.net azureedge.net trafficmanager.net footprintdns.com fastly.net plex.direct".split()
)


class Options(detector.Options):
    """When so many names are a tunnel."""

    window_s: int = Field(600, ge=30, le=86400, description="seconds over which the names of a domain are counted")
    names: int = Field(20, ge=10, le=250, description="different names that look like data under one domain; twice as many where only addresses are asked for")
    texts: int = Field(10, ge=10, le=250, description="different names asked for texts under one domain, where the answers are long; twice as many in any case")
    strange: int = Field(10, ge=10, le=250, description="different names asked for record types that no client uses (NULL, private ones)")
    letters: int = Field(10, ge=1, description="letters that a name carries before its domain, on average, at least")
    coded_share: float = Field(0.6, gt=0, le=1, description="share of the names that look like data, at least")
    answered_bytes: int = Field(1000, ge=1, description="bytes of answers that make few questions for texts a finding")
    single_letters: int = Field(40, ge=20, description="letters of one name that holds characters no host name has")
    allowed: tuple[str, ...] = Field(ASKED_BY_NAME, description="domains under which such names are ordinary")


class Asked(NamedTuple):
    """What a client asked for under one domain within the window."""

    names: int
    letters: int
    coded: int
    strange: int
    texts: int
    hosts: int
    answered: int


class DnsTunnel(EventDetector):
    """Watches questions, and the size of answers that carry data."""

    title = "DNS tunnel"
    severity = Severity.high
    techniques = ("T1071.004",)
    advice = (
        "Take the client off the network and look which program asks; block the domain at your resolver, let only your resolvers speak DNS to the outside, "
        "and look in their logs for others that asked for it."
    )
    false_positives = "Reputation look-ups of protection software, mail filters, telemetry that puts numbers into names: add their domain to `allowed`."
    Options = Options
    watches = (DnsQuery, DnsResponse)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._asked: Distinct[tuple[int, str], tuple[str, int]] = Distinct(window, KEYS_LIMIT, NAMES_LIMIT)
        self._answered: Counts[tuple[int, str]] = Counts(window, KEYS_LIMIT)
        self._judged: Recent[tuple[int, str, int]] = Recent(KEYS_LIMIT, window // 4)
        self._allowed = frozenset(self.options.allowed)

    def wants(self) -> dict[type[Event], Want]:
        long, short = (field("name").passes(partial(self._carries, letters)) for letters in (self.options.letters, 1))
        asked = ~field("operation").filled() & (long | (short & ~field("type").is_in(*HOSTS)))
        return {DnsQuery: asked, DnsResponse: field("answers").filled() & field("type").is_in(*CARRIERS)}

    def _carries(self, letters: int, name: str) -> bool:
        """Whether so many letters stand before the domain, as no ordinary look-up has them."""
        domain = registered(name)
        part = below(name, domain)
        if len(part) < letters or name.endswith(REVERSED) or domain.rpartition(".")[2] in MULTICAST:
            return False
        return not is_address(part) and not under(name, self._allowed)

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, DnsQuery):
            domain = registered(event.name)
            part = below(event.name, domain)
            if part and (len(part) >= self.options.letters or event.type not in HOSTS) and not event.operation:
                return self._question(event, domain, part)
        elif isinstance(event, DnsResponse) and event.answers and event.type in CARRIERS:
            size = sum(record.size for record in event.answers if record.type in CARRIERS)
            self._answered.add((event.packet.dst, registered(event.name)), event.ts, size)
        return iter(())

    def _question(self, event: DnsQuery, domain: str, part: str) -> Iterator[Alert]:
        if event.name.endswith(REVERSED) or domain.rpartition(".")[2] in MULTICAST or is_address(part) or under(event.name, self._allowed):
            return
        key = (event.packet.src, domain)
        count = self._asked.add(key, (part, event.type), event.ts)
        if len(part) >= self.options.single_letters and ODD.search(part) and count < STEP:
            yield self._single(event, domain, part)
        if (count < STEP or count % STEP) and count < NAMES_LIMIT:
            return
        if not self._judged.fresh((*key, count), event.ts):
            return
        asked = self._weigh(key, event.ts)
        if reason := self._reason(asked):
            yield self._alert(event, domain, asked, reason)

    def _weigh(self, key: tuple[int, str], now: int) -> Asked:
        values = self._asked.values(key)
        parts = [part for part, _ in values]
        kinds = [kind for _, kind in values]
        return Asked(
            len(values),
            sum(map(len, parts)),
            sum(map(is_coded, parts)),
            sum(kind in (NULL, KEY) or kind in PRIVATE for kind in kinds),
            kinds.count(TXT),
            sum(kind in HOSTS for kind in kinds),
            self._answered.add(key, now, 0),
        )

    def _reason(self, asked: Asked) -> str:
        """Why this is a tunnel; empty where it is none."""
        want = self.options
        if asked.strange >= want.strange:
            return f"{asked.strange} names were asked for record types that no client uses; counts from {want.strange} on"
        if asked.texts >= 2 * want.texts or (asked.texts >= want.texts and asked.answered >= want.answered_bytes):
            return f"{asked.texts} names were asked for texts, which brought {asked.answered} bytes; counts from {want.texts} on"
        enough = want.names * (2 if asked.hosts == asked.names else 1)
        if asked.names >= enough and asked.coded >= want.coded_share * asked.names and asked.letters >= want.letters * asked.names:
            return f"{asked.coded} of {asked.names} names look like data; counts from {enough} on"
        return ""

    def _alert(self, event: DnsQuery, domain: str, asked: Asked, reason: str) -> Alert:
        samples = [name for name, _ in self._asked.values((event.packet.src, domain))[-3:]]
        numbers: dict[str, int | float | str] = {
            "names": asked.names, "looking_like_data": asked.coded, "letters": asked.letters, "texts": asked.texts, "strange_types": asked.strange,
            "answered_bytes": asked.answered, "threshold": self.options.names, "window_s": self.options.window_s, "domain": domain,
        }  # fmt: skip
        why = (
            reason,
            f"within {self.options.window_s} s it asked for {asked.names} names under {domain}, {asked.letters // asked.names} letters each on average",
            f"the last of them: {some([name[:64] for name in samples])}",
        )
        return self._made(event, domain, "exchanges data through DNS names under", why, numbers, None, ("T1071.004",))

    def _single(self, event: DnsQuery, domain: str, part: str) -> Alert:
        """One name full of data: a small file leaves in two or three."""
        why = (
            f"one name carries {len(part)} letters before {domain}, among them such as no host name has; counts from {self.options.single_letters} on",
            f"it begins {part[:48]!r}",
        )
        numbers: dict[str, int | float | str] = {"letters": len(part), "threshold": self.options.single_letters, "domain": domain}
        return self._made(event, domain, "sent what looks like data in a DNS name under", why, numbers, Severity.low, ("T1048.003", "T1071.004"))

    def _made(
        self,
        event: DnsQuery,
        domain: str,
        what: str,
        why: tuple[str, ...],
        numbers: dict[str, int | float | str],
        severity: Severity | None,
        techniques: tuple[str, ...],
    ) -> Alert:
        packet = event.packet
        actor, target, near, far = ends_of(packet)
        if severity is None:
            severity = Severity.critical if is_fixed_function(self.context, actor) else Severity.high
        return self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} {what} {domain} by way of {addresses.text(packet.dst)}",
            why=why,
            numbers=numbers,
            key=(domain, techniques[0]),
            severity=severity,
            confidence=0.6 if severity == Severity.low else 0.9,
            techniques=techniques,
            actor_port=near,
            target_port=far,
            network=network_of_packet(self.context, packet, "dns"),
        )

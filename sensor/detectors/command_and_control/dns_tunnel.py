"""Data exchanged in DNS names and answers: iodine, dnscat2 and similar, commands in TXT records, files in names.

Evaluated by client and registered domain (or without a domain, as in tunnels directly to their server) over a time
window, at every tenth new name: number of names, length, share that looks like encoded data, and record types. Content
networks and reputation services query many unusual names too; reputation services and DNS block lists are recognized by
domain and form. Over hours, only long unique names under domains that few clients query are evaluated. A response
repeats the query, and is used instead if the query was not captured. Random names that many clients query at once, or
one client as fast as a flood tool, and that do not exist, are a flood (``impact.dns_flood``): a tunnel fills its names
with data and waits for answers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.dns_codes import AAAA, CNAME, HTTPS, KEY, MX, NULL, NXDOMAIN, SERVFAIL, SRV, TXT, A
from sensor.core.domains import under
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Counts, Distinct
from sensor.detectors.shared.hosts import Numbers, ends_of, is_fixed_function, network_of_packet, who
from sensor.detectors.shared.names import ODD, QUERIED_BY_NAME, REVERSED, below, is_address, is_coded, zone_of
from sensor.dissectors.dns import DnsQuery, DnsResponse

KEYS_LIMIT, NAMES_LIMIT, SLOW_LIMIT, CLIENTS_LIMIT = 2048, 256, 128, 9
PENDING_LIMIT = 4096
RECENT_NAMES = 1024  # a response soon follows its query
SLOW_LETTERS = 24  # minimum length of names that are counted over hours
STEP = 10
# Names below a domain that do not exist, within this many seconds: a flood.
FLOOD, FLOOD_S = 300, 10
# Record types (IANA DNS parameters): those with free-form data, and those that clients do not use.
PRIVATE = range(65280, 65535)
HOSTS = frozenset((A, AAAA, HTTPS))
CARRIERS = frozenset((NULL, TXT, KEY, CNAME, MX, SRV, 65399))
MULTICAST = ("local", "arpa")


class Options(detector.Options):
    """When queries are a tunnel."""

    window_s: int = Field(600, ge=30, le=86400, description="time window in seconds")
    names: int = Field(
        20,
        ge=10,
        le=250,
        description=(
            "threshold: distinct names with encoded data under one domain; twice as many for A and AAAA queries"
        ),
    )
    texts: int = Field(
        10,
        ge=10,
        le=250,
        description=(
            "threshold: distinct names with TXT queries under one domain and long answers; twice as many in any case"
        ),
    )
    strange: int = Field(
        10,
        ge=10,
        le=250,
        description="threshold: distinct names with record types that no client uses (NULL, private types)",
    )
    letters: int = Field(10, ge=1, description="minimum mean length of a name before its domain")
    coded_share: float = Field(0.6, gt=0, le=1, description="minimum share of names with encoded data")
    answered_bytes: int = Field(1000, ge=1, description="bytes of TXT answers from which a few queries are enough")
    single_letters: int = Field(
        40, ge=20, description="length of a single name with characters that host names do not have"
    )
    slow_names: int = Field(
        80, ge=20, le=120, description="threshold over hours: distinct long names with encoded data under one domain"
    )
    slow_window_s: int = Field(21_600, ge=600, le=86_400, description="time window of these in seconds")
    slow_clients: int = Field(
        2, ge=1, le=8, description="maximum number of clients that send such queries for the domain"
    )
    allowed: tuple[str, ...] = Field(QUERIED_BY_NAME, description="domains under which such names are normal")


class DomainQueries(NamedTuple):
    """Queries of a client under one domain within the window."""

    names: int
    letters: int
    coded: int
    strange: int
    texts: int
    hosts: int
    answered: int


class DnsTunnel(EventDetector):
    """Watches queries, and the size of answers that carry data."""

    title = "DNS tunneling"
    severity = Severity.high
    techniques = ("T1071.004", "T1572")
    advice = (
        "Isolate the client and identify the program. Block the domain at the resolver, allow DNS to the internet for "
        "the resolvers only, and search their logs for other clients of the domain."
    )
    false_positives = (
        "Reputation lookups of security software, mail filters, telemetry with identifiers in names: add the domain to "
        "`allowed`."
    )
    Options = Options
    watches = (DnsQuery, DnsResponse)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._queried: Distinct[tuple[int, str], tuple[str, int]] = self.tables.add(
            "queried", Distinct(window, KEYS_LIMIT, NAMES_LIMIT)
        )
        self._slow: Distinct[tuple[int, str], str] = self.tables.add(
            "slow", Distinct(self.options.slow_window_s * SECOND, KEYS_LIMIT, SLOW_LIMIT)
        )
        self._clients: Distinct[str, int] = self.tables.add(
            "clients", Distinct(self.options.slow_window_s * SECOND, KEYS_LIMIT, CLIENTS_LIMIT)
        )
        self._reported: Recent[tuple[int, str]] = self.tables.add(
            "reported", Recent(KEYS_LIMIT, self.options.slow_window_s * SECOND)
        )
        self._answered: Counts[tuple[int, str]] = self.tables.add("answered", Counts(window, KEYS_LIMIT))
        self._evaluated: Recent[tuple[int, str, int]] = self.tables.add("evaluated", Recent(KEYS_LIMIT, window // 4))
        self._denied: Counts[str] = self.tables.add("denied", Counts(FLOOD_S * SECOND, KEYS_LIMIT))
        self._resolved: Counts[str] = self.tables.add("resolved", Counts(SECOND, KEYS_LIMIT))
        self._burst: Counts[tuple[int, str]] = self.tables.add("burst", Counts(SECOND, KEYS_LIMIT))
        # names whose response is not counted again
        self._requested: Recent[tuple[int, str]] = self.tables.add("requested", Recent(PENDING_LIMIT, window))
        self._allowed = frozenset(self.options.allowed)
        self._long = min(self.options.single_letters, SLOW_LETTERS)
        self._letters = functools.lru_cache(RECENT_NAMES)(functools.partial(_carried, self._allowed))

    def wants(self) -> dict[type[Event], Want]:
        name, kind = field("name"), field("type")
        queried = ~name.under((*self._allowed, *MULTICAST)) & (name.passes(self._is_long) | ~kind.is_in(*HOSTS))
        answered = field("answers").filled() & kind.is_in(*CARRIERS)
        return {DnsQuery: ~field("operation").filled() & queried, DnsResponse: answered | queried}

    def _is_long(self, name: str) -> bool:
        """Whether the part before the domain is longer than in ordinary lookups."""
        least: int = self.options.letters
        return len(below(name, zone_of(name))) >= least

    def inspect(self, event: Event) -> Iterable[Alert]:
        if not isinstance(event, DnsQuery | DnsResponse) or (isinstance(event, DnsQuery) and event.operation):
            return ()
        client, ts, is_query = _client(event), event.packet.ts, isinstance(event, DnsQuery)
        if isinstance(event, DnsResponse) and event.type in CARRIERS and event.answers:
            size = sum(record.size for record in event.answers if record.type in CARRIERS)
            self._answered.add((client, zone_of(event.name)), ts, size)
        letters = self._letters(event.name)
        if not letters or (letters < self.options.letters and event.type in HOSTS):
            return ()
        domain, part = zone_of(event.name), event.name[:letters]
        if isinstance(event, DnsResponse):
            if event.rcode in (SERVFAIL, NXDOMAIN):
                self._denied.add(domain, ts)
            elif event.answers:
                self._resolved.add(domain, ts)
        if not self._requested.fresh((client, event.name), ts) and not is_query:
            return ()
        count = self._queried.add((client, domain), (part, event.type), ts)
        self._burst.add((client, domain), ts)
        if letters < self._long and (count < STEP or count % STEP) and count < NAMES_LIMIT:
            return ()
        return self._question(event, domain, part, count)

    def _question(self, event: DnsQuery | DnsResponse, domain: str, part: str, count: int) -> Iterator[Alert]:
        """A long name, or one that completes a number of names at which a domain is evaluated."""
        key = (_client(event), domain)
        if domain and len(part) >= self.options.single_letters and ODD.search(part) and count < STEP:
            yield self._single(event, domain, part)
        if len(part) >= SLOW_LETTERS and is_coded(part):
            yield from self._over_hours(event, domain, part)
        if (count < STEP or count % STEP) and count < NAMES_LIMIT:
            return
        if not self._evaluated.fresh((*key, count), event.ts):
            return
        queried = self._measured(key, event.ts)
        if self._is_flood(key, queried, event.ts):
            return
        if reason := self._reason(queried):
            self._reported.fresh(key, event.ts)  # a fast tunnel is not also reported as slow
            yield self._alert(event, domain, queried, reason)

    def _is_flood(self, key: tuple[int, str], queried: DomainQueries, now: int) -> bool:
        """Whether the names do not exist and are too many for a tunnel: of all clients, or short ones of this client,
        which begin as fast as a flood.
        """
        domain = key[1]
        if self._denied.add(domain, now, 0) >= FLOOD:
            return True
        short = queried.hosts == queried.names and queried.letters < SLOW_LETTERS * queried.names
        burst = self._burst.add(key, now, 0)
        return short and burst >= FLOOD // FLOOD_S and 2 * self._resolved.add(domain, now, 0) < burst

    def _over_hours(self, event: DnsQuery | DnsResponse, domain: str, part: str) -> Iterator[Alert]:
        """Long names with encoded data: many under one domain carry data, however slowly they come."""
        want, client = self.options, _client(event)
        count = self._slow.add((client, domain), part, event.ts)
        clients = self._clients.add(domain, client, event.ts)
        if (
            count < want.slow_names
            or clients > want.slow_clients
            or not self._reported.fresh((client, domain), event.ts)
        ):
            return
        names = self._slow.values((client, domain))
        letters, hours = sum(map(len, names)), want.slow_window_s / 3600
        why = (
            (
                f"{count} long names with encoded data {_under(domain)} within {hours:g} h (threshold "
                f"{want.slow_names}), {letters} characters"
            ),
            f"last: {some([name[:64] for name in names[-3:]])}",
        )
        numbers: Numbers = {
            "names": count, "letters": letters, "clients": clients, "threshold": want.slow_names,
            "window_s": want.slow_window_s, "domain": domain,
        }  # fmt: skip
        yield self._made(
            event,
            domain,
            f"sent data slowly in DNS queries {_under(domain)}",
            why,
            numbers,
            Severity.medium,
            ("T1048.003", "T1071.004"),
        )

    def _measured(self, key: tuple[int, str], now: int) -> DomainQueries:
        values = self._queried.values(key)
        parts = [part for part, _ in values]
        kinds = [kind for _, kind in values]
        return DomainQueries(
            len(values),
            sum(map(len, parts)),
            sum(map(is_coded, parts)),
            sum(kind in (NULL, KEY) or kind in PRIVATE for kind in kinds),
            kinds.count(TXT),
            sum(kind in HOSTS for kind in kinds),
            self._answered.add(key, now, 0),
        )

    def _reason(self, queried: DomainQueries) -> str:
        """Why this is a tunnel; empty where it is not one."""
        want = self.options
        if queried.strange >= want.strange:
            return f"{queried.strange} names with record types that no client uses (threshold {want.strange})"
        answered = queried.answered
        if queried.texts >= 2 * want.texts or (queried.texts >= want.texts and answered >= want.answered_bytes):
            return f"{queried.texts} names with TXT queries, {answered:,} bytes of answers (threshold {want.texts})"
        enough = want.names * (2 if queried.hosts == queried.names else 1)
        if (
            queried.names >= enough
            and queried.coded >= want.coded_share * queried.names
            and queried.letters >= want.letters * queried.names
        ):
            return f"{queried.coded} of {queried.names} names look like encoded data (threshold {enough})"
        return ""

    def _alert(self, event: DnsQuery | DnsResponse, domain: str, queried: DomainQueries, reason: str) -> Alert:
        samples = [name for name, _ in self._queried.values((_client(event), domain))[-3:]]
        numbers: Numbers = {
            "names": queried.names, "looking_like_data": queried.coded, "letters": queried.letters,
            "texts": queried.texts, "strange_types": queried.strange, "answered_bytes": queried.answered,
            "threshold": self.options.names, "window_s": self.options.window_s, "domain": domain,
        }  # fmt: skip
        why = (
            reason,
            (
                f"within {self.options.window_s} s it queried {queried.names} names {_under(domain)}, mean length "
                f"{queried.letters // queried.names}"
            ),
            f"last: {some([name[:64] for name in samples])}",
        )
        return self._made(
            event, domain, f"tunneled data in DNS queries {_under(domain)}", why, numbers, None, self.techniques
        )

    def _single(self, event: DnsQuery | DnsResponse, domain: str, part: str) -> Alert:
        """One name full of data: a small file fits in two or three."""
        why = (
            (
                f"one name has {len(part)} characters before {domain}, some not valid in host names (threshold "
                f"{self.options.single_letters})"
            ),
            f"it begins {part[:48]!r}",
        )
        numbers: Numbers = {
            "letters": len(part),
            "threshold": self.options.single_letters,
            "domain": domain,
        }
        return self._made(
            event,
            domain,
            f"sent encoded data in a DNS name {_under(domain)}",
            why,
            numbers,
            Severity.low,
            ("T1048.003", "T1071.004"),
        )

    def _made(
        self,
        event: DnsQuery | DnsResponse,
        domain: str,
        what: str,
        why: tuple[str, ...],
        numbers: Numbers,
        severity: Severity | None,
        techniques: tuple[str, ...],
    ) -> Alert:
        packet, answer = event.packet, isinstance(event, DnsResponse)
        actor, target, near, far = ends_of(packet, answer=answer)
        if severity is None:
            severity = Severity.critical if is_fixed_function(self.context, actor) else Severity.high
        return self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} {what} through {addresses.text(target.address)}",
            why=why,
            numbers=numbers,
            key=(domain, techniques[0]),
            severity=severity,
            confidence={Severity.low: 0.6, Severity.medium: 0.7}.get(severity, 0.9),
            techniques=techniques,
            actor_port=near,
            target_port=far,
            network=network_of_packet(self.context, packet, "dns", answer=answer),
        )


def _carried(allowed: frozenset[str], name: str) -> int:
    """Length of the part before the domain; 0 for names that carry no data."""
    domain = zone_of(name)
    part = below(name, domain)
    if not part or name.endswith(REVERSED) or domain.rpartition(".")[2] in MULTICAST:
        return 0
    return 0 if is_address(part) or under(name, allowed) else len(part)


def _client(event: DnsQuery | DnsResponse) -> int:
    return event.packet.dst if isinstance(event, DnsResponse) else event.packet.src


def _under(domain: str) -> str:
    return f"under {domain}" if domain else "without a domain"

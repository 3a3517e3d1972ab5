"""Web scan: one source probes a web server with a scanning tool, requests files with secrets, many pages that do not
exist or are forbidden, or many names of one domain (virtual hosts).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.addresses import text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Counts, Distinct
from sensor.detectors.shared.hosts import Numbers, ends_of, is_fixed_function, network_of_packet, who
from sensor.dissectors.http import HttpRequest, HttpResponse

REPORTED_LIMIT = 16384
KEYS_LIMIT = 2048
SCANNERS = lazy_pattern(
    r"\b(?:nikto|sqlmap|nmap scripting|nuclei|gobuster|dirbuster|dirb|dirsearch|feroxbuster|ffuf|fuzz faster|wfuzz|"
    r"wpscan|joomscan|masscan|zgrab|acunetix|nessus|openvas|greenbone|arachni|w3af|whatweb|havij|jorgee|zmeu|morfeus|"
    r"muieblackcat|netsparker|grendel-scan|webinspect|appscan|qualys|skipfish|l9explore|l9tcpid|censysinspect|expanse|"
    r"internetmeasurement|leakix|fimap|commix|bsqlbf|absinthe|xsser|tplmap|wapiti|hydra|patator|cgichk|libwhisker|"
    r"n-stealth|dotdotpwn|uniscan|golismero|jaeles|gospider|hakrawler|httpx - open-source|projectdiscovery|interactsh|"
    r"zaproxy|owasp zap|droopescan|cmsmap|aquatone|gowitness|sqlninja|webscarab)\b",
    re.IGNORECASE,
)
# Files and pages with secrets or administration functions that no link refers to.
SENSITIVE = lazy_pattern(
    r"/\.(?:env(?:\.\w+)?|git/(?:config|HEAD|index)|svn/|hg/|aws/|ssh/|htpasswd|htaccess|DS_Store|vscode/|idea/|npmrc|"
    r"docker)|/(?:wp-config\.php|config\.php\.bak|web\.config|id_rsa|credentials(?:\.json)?$|backup\.(?:sql|zip|"
    r"tar\.gz)|dump\.sql|database\.sql|phpinfo\.php|info\.php|server-status|actuator/(?:env|heapdump)|manager/html|"
    r"phpmyadmin|pma/|myadmin/|adminer\.php|solr/admin|jenkins/script|_ignition/execute|console/login|owa/auth/x\.js|"
    r"telescope/requests|\.well-known/security-admin|cgi-bin/test-cgi|_profiler/phpinfo|debug/default/view|v2/_catalog|"
    r"api/jsonws)",
    re.IGNORECASE,
)

# Resources of pages: scanners seldom request them, and one broken page requests dozens. Packages, their checksums and
# debug symbols: a build or a debugger requests all of them from each of its repositories.
PARTS = lazy_pattern(
    r"\.(?:png|jpe?g|gif|svg|webp|avif|ico|css|m?js|map|woff2?|ttf|eot|mp[34]|webm|ts|m3u8|pom|jar|aar|module|whl|"
    r"nupkg|gem|crate|u?deb|d?rpm|[ai]pk|asc|sig|md5|sha(?:1|256|512)|pdb|pd_|ptr|dbg)$",
    re.IGNORECASE,
)


# A name below a domain, not an address.
NAMED = lazy_pattern(r"^[^.]*[a-z_-][^.]*\.[^.]", re.IGNORECASE)


class Options(detector.Options):
    """When missing pages, secret files and names are a scan."""

    missing: int = Field(20, ge=5, description="threshold: distinct pages that do not exist or are forbidden")
    sensitive: int = Field(3, ge=1, description="threshold: distinct files with secrets")
    hosts: int = Field(40, ge=10, le=64, description="threshold: names of one domain requested from one address")
    window_s: int = Field(60, ge=10, le=3600, description="time window in seconds")
    share: float = Field(0.5, ge=0, le=1, description="minimum share of failed requests")
    again_s: int = Field(
        600, ge=60, description="seconds until the same source and target may be reported again for the same reason"
    )


class WebScan(EventDetector):
    """Watches requests and answers, by source and target."""

    title = "Web vulnerability scan"
    severity = Severity.medium
    techniques = ("T1595.002", "T1595.003", "T1595")
    advice = (
        "Block the source at the border, or find out who runs a scanner internally. Check whether a "
        "requested file was served."
    )
    false_positives = (
        "An authorized vulnerability scanner; a crawler on a site with many dead links; a monitoring probe with its "
        "own user agent."
    )
    watches = (HttpRequest, HttpResponse)
    decisive = {"sensitive": "files", "missing": "missing", "hosts": "hosts"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._sensitive: Distinct[tuple[int, int], str] = self.tables.add("sensitive", Distinct(window, KEYS_LIMIT))
        self._missing: Distinct[tuple[int, int], str] = self.tables.add("missing", Distinct(window, KEYS_LIMIT))
        self._hosts: Distinct[tuple[int, int, str], str] = self.tables.add("hosts", Distinct(window, KEYS_LIMIT))
        self._answers: Counts[tuple[int, int]] = self.tables.add("answers", Counts(window, KEYS_LIMIT))
        self._failures: Counts[tuple[int, int]] = self.tables.add("failures", Counts(window, KEYS_LIMIT))
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.again_s * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        # All answers are counted: a scan shows in the share of errors; and names requested from internal servers.
        known = field("user_agent").matches(SCANNERS) | field("path").matches(SENSITIVE)
        inside = field("packet.dst").passes(self.context.networks.inside, self.context.networks)
        return {HttpRequest: known | (inside & field("host").passes(_domain_of))}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, HttpResponse):
            if event.status in (403, 404) and not event.forwarded:
                yield from self._failed(event)
            else:
                self._answers.add((event.packet.dst, event.packet.src), event.packet.ts)
            return
        if isinstance(event, HttpRequest):
            if event.user_agent and (tool := _tool_of(event.user_agent)):
                yield from self._tool(event, tool)
            if found := SENSITIVE.search(event.path):
                yield from self._secret(event, event.path[: found.end()].partition("?")[0][:120])
            yield from self._named(event)

    def _tool(self, event: HttpRequest, tool: str) -> Iterator[Alert]:
        why = (f"user agent {event.user_agent[:120]!r} of {tool}",)
        yield from self._alert(
            event,
            "tool",
            f"ran a web scan with {tool}",
            why,
            {"requests": 1, "threshold": 1, "user_agent": event.user_agent[:120]},
            Severity.medium,
        )

    def _secret(self, event: HttpRequest, place: str) -> Iterator[Alert]:
        """``place``: location of the secret; a tool requests many pages of one location."""
        packet = event.packet
        key = (packet.src, packet.dst)
        requested = self._sensitive.add(key, place, packet.ts)
        many = requested >= self.options.sensitive
        why = (
            (
                f"{requested} files with secrets requested within {self.options.window_s} s (threshold "
                f"{self.options.sensitive}); no page links to them"
            ),
            f"requested: {some(self._sensitive.values(key))}",
        )
        numbers: Numbers = {"files": requested, "threshold": self.options.sensitive}
        yield from self._alert(
            event,
            "secrets" if many else "secret",
            f"requested {place}",
            why,
            numbers,
            Severity.medium if many else Severity.low,
        )

    def _named(self, event: HttpRequest) -> Iterator[Alert]:
        """Names below one domain at an internal server; requests to a proxy have the name in the path."""
        packet, want, domain = event.packet, self.options, _domain_of(event.host)
        if not domain or event.forwarded or not event.path.startswith("/"):
            return
        if not self.context.networks.inside(packet.dst):
            return
        key = (packet.src, packet.dst, domain)
        hosts = self._hosts.add(key, event.host, packet.ts)
        if hosts < want.hosts:
            return
        why = (
            f"{hosts} names of {domain} requested within {want.window_s} s (threshold {want.hosts})",
            f"requested: {some(self._hosts.values(key))}",
        )
        numbers: Numbers = {"hosts": hosts, "threshold": want.hosts}
        yield from self._alert(event, "hosts", f"tried virtual hosts of {domain}", why, numbers, Severity.medium)

    def _failed(self, event: HttpResponse) -> Iterator[Alert]:
        packet = event.packet
        key = (packet.dst, packet.src)
        failed, answers = self._failures.add(key, packet.ts), self._answers.add(key, packet.ts)
        path = event.path.partition("?")[0]
        if PARTS.search(path):
            return
        missing = self._missing.add(key, path[:120] or f"?{failed}", packet.ts)
        if missing < self.options.missing or failed < self.options.share * answers:
            return
        why = (
            (
                f"{missing} pages that do not exist or are forbidden (404, 403) requested within "
                f"{self.options.window_s} s (threshold {self.options.missing})"
            ),
            f"{failed} of {answers} requests failed",
            f"requested: {some(self._missing.values(key))}",
        )
        numbers: Numbers = {
            "missing": missing,
            "threshold": self.options.missing,
            "answers": answers,
        }
        what = f"requested {missing} pages that do not exist or are forbidden"
        yield from self._alert(event, "missing", what, why, numbers, Severity.medium)

    def _alert(
        self,
        event: Event,
        reason: str,
        what: str,
        why: tuple[str, ...],
        numbers: Numbers,
        severity: Severity,
    ) -> Iterator[Alert]:
        answer = isinstance(event, HttpResponse)
        actor, target, actor_port, target_port = ends_of(event.packet, answer=answer)
        if not self._reported.fresh((actor.address, target.address, reason), event.ts):
            return
        raised = severity > Severity.low and is_fixed_function(self.context, actor)
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} {what} on {who(self.context, target)}",
            why=why,
            numbers=numbers,
            key=(text(target.address),),
            severity=Severity(severity + raised),
            confidence=0.9 if severity > Severity.low else 0.6,
            actor_port=actor_port,
            target_port=target_port,
            network=network_of_packet(self.context, event.packet, "http", answer=answer),
        )


@functools.lru_cache(maxsize=1024)
def _tool_of(agent: str) -> str:
    """The scanner that a user agent names; empty for others."""
    found = SCANNERS.search(agent)
    return found[0] if found else ""


@functools.lru_cache(maxsize=1024)
def _domain_of(host: str) -> str:
    """The domain of a name; empty for addresses and names without a domain."""
    return host.partition(".")[2] if NAMED.search(host) else ""

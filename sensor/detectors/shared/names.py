"""Host names: the amount of encoded data, and whether a program generated it."""

from __future__ import annotations

import functools
import re
from itertools import pairwise

from sensor.core.domains import registered
from sensor.core.lazy_pattern import lazy_pattern

# Letter pairs that make up nine tenths of words in European languages; a random name has one in every third position.
_PAIRS = (
    "abacadagaialamanaparasatauavaybabebiblbobrbsbucacccechcickclcncocrcsctcudadcdddedfdidldodrdseaebecedeeefegeielemeneoepeqeresetevewexfafefffiflfofrftgagegh"
    "giglgngrgsguhahehihohtiaibicidieifigiliminioipirisitivizkelalcldlelilllolplsltlulymambmemimlmmmompmsmunancndnenfngninlnnnonpnsntnunvoaobocodofogoiolomonoo"
    "oporosotouovowpapdpephpiplpoppprpsptpuqurarcrdrergrirlrmrnrorprrrsrtrurvrysascsesfshsislsospssstsutatctdtetfthtitltmtotptrtstttutyuaubueuiulumunupurusutva"
    "veviwawixextypysze"
)
COMMON = frozenset(_PAIRS[at : at + 2] for at in range(0, len(_PAIRS), 2))
DATA = 24  # letters from which on a name without a domain is no name of a host
SHORT = 7  # letters; a shorter name does not show whether it was generated
ODD = lazy_pattern(r"[^a-z0-9._-]")
REVERSED = (".in-addr.arpa", ".ip6.arpa")
_DIGIT = lazy_pattern(r"\d")
_LETTERS = lazy_pattern(r"[^a-z0-9]+")
_ADDRESS = lazy_pattern(r"(?:(?:\d{1,3}[.-]){3}\d{1,3}|(?:[0-9a-f]\.){15,31}[0-9a-f])(?:\.|\Z)")
_HEX = lazy_pattern(r"(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,}\Z")
_BARE = lazy_pattern(
    r"(?:\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|[0-9a-f]{0,4}:[0-9a-f]{0,4}:[0-9a-f:.]*[0-9a-f])\Z", re.IGNORECASE
)
GENERATED = 0.45
# Services whose queries encode files, addresses or senders in names; bulk mail senders with a key per customer (DKIM,
# RFC 6376); clouds that number their hosts, measurements and page frames. Only their owners can publish names below
# them.
QUERIED_BY_NAME = tuple(
    "sophosxl.net mcafee.com trendmicro.com cymru.com spamhaus.org spamhaus.net barracudacentral.org senderbase.org "
    "sorbs.net spamcop.net surbl.org uribl.com msbl.org mailspike.net rspamd.com spameatingmonkey.net invaluement.com "
    "junkemailfilter.com backscatterer.org e5.sk eset.com bitdefender.net webrootcloudav.com kaspersky-labs.com "
    "avast.com avg.com avira.com habeas.com dnswl.org returnpath.net amazonses.com onmicrosoft.com gappssmtp.com "
    "sendgrid.net mandrillapp.com mcsv.net mailgun.org mtasv.net sparkpostmail.com hubspotemail.net googlevideo.com "
    "googleusercontent.com googlesyndication.com gstatic.com cloudfront.net amazonaws.com akamaihd.net akamaized.net "
    "aaplimg.com icloud.com windows.net azureedge.net trafficmanager.net footprintdns.com fastly.net "
    "plex.direct".split()
)


def is_bare(host: str) -> bool:
    """Whether a host is an IP address instead of a name; an IPv4 address may have a port."""
    return _BARE.match(host) is not None


def zone_of(name: str) -> str:
    """The registered domain of a name. Empty for a name in no domain: it is longer than names of hosts, and its last
    label has digits, as no top-level domain has, except for those that begin with ``xn--`` (RFC 3696, 2).
    """
    last = name.rpartition(".")[2]
    return "" if len(name) >= DATA and _DIGIT.search(last) and not last.startswith("xn--") else registered(name)


def below(name: str, domain: str) -> str:
    """The part of a name before its domain; empty if there is none."""
    if not domain:
        return name
    return name[: -len(domain) - 1] if len(name) > len(domain) else ""


@functools.lru_cache(maxsize=4096)
def generated(label: str) -> float:
    """How random a label looks, 0 to 1: the share of letter pairs that are rare in words. 0 if it is short."""
    letters = _LETTERS.sub("", label)
    if len(letters) < SHORT:
        return 0.0
    return sum(one + other not in COMMON for one, other in pairwise(letters)) / (len(letters) - 1)


def is_address(part: str) -> bool:
    """Whether a part of a name begins with an address, as in queries to block lists and names of providers'
    customers.
    """
    return _ADDRESS.match(part) is not None


@functools.lru_cache(maxsize=4096)
def is_coded(part: str) -> bool:
    """Whether the part before a domain looks like data: characters that host names do not have, long hexadecimal
    numbers, random letters.
    """
    if is_address(part):
        return False
    if ODD.search(part):
        return True
    longest = max(part.split("."), key=len)
    return _HEX.match(longest) is not None or generated(longest) >= GENERATED

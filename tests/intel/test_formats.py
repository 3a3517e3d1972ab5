"""Feeds in the formats of their publishers: fields are kept, indicators not visible in packets are omitted, faults have
their line.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sensor.documents import DocumentErrors
from sensor.intel.formats import HEADING
from sensor.intel.indicator import Indicator
from sensor.intel.readers import IndicatorList, read_list
from sensor.intel.store import ThreatLists

MARCH, JUNE = 1_772_323_200, 1_780_272_000  # 2026-03-01 and 2026-06-01, UTC
DAY = "2026-03-01 00:00:00"
CERTIFICATE, JA3 = "0123456789abcdef0123456789abcdef01234567", "0123456789abcdef0123456789abcdef"


def read(folder: Path, text: str | bytes, name: str = "feed") -> IndicatorList:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_list(path)


def entries(one: IndicatorList) -> set[Indicator]:
    return {one.line(number) for number in range(len(one))}


THREATFOX = """\
################################
# ThreatFox IOCs: recent - CSV #
#
# "first_seen_utc","ioc_id","ioc_value","ioc_type","threat_type","fk_malware","malware_alias","malware_printable","last_seen_utc","confidence_level","tags"
"2026-03-01 00:00:00", "1", "c2.example", "domain", "botnet_cc", "win.x", "None", "Bot", "", "100", "a,b"\r
"2026-03-01 00:00:00", "2", "192.0.2.40:5555", "ip:port", "botnet_cc", "elf.x", "Katana", "Mirai", "", "75", "None"
"2026-03-01 00:00:00", "3", "0123456789abcdef0123456789abcdef", "md5_hash", "payload", "elf.x", "", "Mirai", "", "75", ""
"2026-03-01 00:00:00", "4", "somebody@host.example", "envelope_from", "payload_delivery", "x", "", "Mail", "", "50", ""
# Number of entries: 4
"""
FEODO = """\
# Feodo Tracker
"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"
"2026-03-01 00:00:00","192.0.2.10","443","online","2026-03-02","QakBot"
"""
FEODO_OLD = "# Firstseen,DstIP,DstPort,LastOnline,Malware\n2026-03-01 00:00:00,192.0.2.11,443,2026-03-02,Heodo\n"
SSLBL = f"# Listingdate,SHA1,Listingreason\n2026-03-01 00:00:00,{CERTIFICATE},Vidar C&C\n"
SSLBL_JA3 = f"# ja3_md5,Firstseen,Lastseen,Listingreason\n{JA3},2026-03-01 00:00:00,2026-03-02 00:00:00,Adware\n"
SSLBL_IP = "# Firstseen,DstIP,DstPort\n2026-03-01 00:00:00,192.0.2.20,443\n"
URLHAUS = """\
# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter
"1","2026-03-01 00:00:00","http://192.0.2.30:37352/bin.sh","online","","malware_download","32-bit,elf,Mozi","https://urlhaus.example/url/1/","r"
"""
FIREHOL = "#\n# feodo\n# ipv4 hash:ip ipset\n# Category : malware, botnets, and more\n#\n192.0.2.1\n192.0.2.128/25\n"
DROP = '{"cidr":"192.0.2.0/24","sblid":"SBL1","rir":"arin"}\n{"type":"metadata","timestamp":1790072042,"records":1}\n'
ASNDROP = '{"asn":64496,"rir":"arin","domain":"innocent.example","cc":"US","asname":"X"}\n' + DROP
ZEEK = """\
#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\tmeta.do_notice
192.0.2.1\tIntel::ADDR\tx\tBotnet\tT
198.51.100.0/24\tIntel::SUBNET\tx\t-\tF
c2.example\tIntel::DOMAIN\tx\t(empty)\tT
c2.example/a/b.bin\tIntel::URL\tx\tLoader\tT
0123456789abcdef0123456789abcdef01234567\tIntel::CERT_HASH\tx\t-\tT
somebody@host.example\tIntel::EMAIL\tx\t-\tT
"""
MISP = {
    "Event": {
        "info": "an event",
        "Attribute": [
            {"type": "ip-dst", "value": "192.0.2.50", "to_ids": True, "timestamp": str(MARCH), "comment": ""},
            {
                "type": "domain|ip",
                "value": "c2.example|192.0.2.51",
                "to_ids": True,
                "timestamp": str(MARCH),
                "comment": "panel",
            },
            {"type": "ip-src|port", "value": "192.0.2.52|8080", "to_ids": True, "timestamp": str(MARCH)},
            {"type": "ip-dst", "value": "192.0.2.53", "to_ids": False},
            {"type": "ip-dst", "value": "192.0.2.54", "to_ids": True, "deleted": True},
            {"type": "md5", "value": JA3, "to_ids": True},
        ],
        "Object": [
            {
                "name": "url",
                "Attribute": [
                    {"type": "url", "value": "hxxp://c2[.]example/x", "to_ids": True, "timestamp": str(MARCH)}
                ],
            }
        ],
    }
}
PATTERN = "[domain-name:value = 'c2.example'] OR [ipv4-addr:value ISSUBSET '192.0.2.70/31' OR url:value = 'http://c2.example/y']"
STIX = {
    "type": "indicator", "id": "indicator--1", "created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T00:00:00Z", "pattern": PATTERN,
    "pattern_type": "stix", "valid_from": "2026-03-01T00:00:00Z", "valid_until": "2026-06-01T00:00:00Z", "labels": ["c2"], "confidence": 80,
}  # fmt: skip
OLDER = {**STIX, "modified": "2025-01-01T00:00:00Z", "pattern": "[domain-name:value = 'older.example']"}
REVOKED = {**STIX, "id": "indicator--2", "revoked": True, "pattern": "[domain-name:value = 'revoked.example']"}
SIGMA = {**STIX, "id": "indicator--3", "pattern_type": "sigma", "pattern": "title: x"}
FOUND_BY_STIX = {
    Indicator(value, "c2", MARCH, JUNE, 80) for value in ("c2.example", "192.0.2.70/31", "http://c2.example/y")
}
OTX = {
    "count": 1, "next": None,
    "results": [{"name": "pulse", "indicators": [
        {"indicator": "192.0.2.60", "type": "IPv4", "created": "2026-03-01T00:00:00", "expiration": "2026-06-01T00:00:00", "is_active": 1},
        {"indicator": "192.0.2.61", "type": "IPv4", "created": "2026-03-01T00:00:00", "expiration": None, "is_active": 0},
        {"indicator": "CVE-2026-0001", "type": "CVE"},
    ]}],
}  # fmt: skip
FEEDS = {
    "threatfox csv": (THREATFOX, {Indicator("c2.example", "Bot", MARCH, 0, 100), Indicator("192.0.2.40", "Mirai", MARCH, 0, 75)}),
    "threatfox json": (
        {"1": [{"ioc_value": "192.0.2.40:5555", "ioc_type": "ip:port", "malware_printable": "Mirai", "first_seen_utc": DAY, "confidence_level": 75}]},
        {Indicator("192.0.2.40", "Mirai", MARCH, 0, 75)},
    ),
    "threatfox api": ({"query_status": "ok", "data": [{"ioc": "c2.example", "ioc_type": "domain", "threat_type": "cc"}]}, {Indicator("c2.example", "cc")}),
    "feodo csv": (FEODO, {Indicator("192.0.2.10", "QakBot", MARCH)}),
    "feodo csv of old": (FEODO_OLD, {Indicator("192.0.2.11", "Heodo", MARCH)}),
    "feodo json": ([{"ip_address": "192.0.2.10", "port": 443, "malware": "QakBot", "first_seen": DAY}], {Indicator("192.0.2.10", "QakBot", MARCH)}),
    "sslbl": (SSLBL, {Indicator(CERTIFICATE, "Vidar C&C", MARCH)}),
    "sslbl ja3": (SSLBL_JA3, {Indicator(JA3, "Adware", MARCH)}),
    "sslbl addresses": (SSLBL_IP, {Indicator("192.0.2.20", "", MARCH)}),
    "urlhaus csv": (URLHAUS, {Indicator("http://192.0.2.30:37352/bin.sh", "malware_download", MARCH)}),
    "urlhaus json": (
        {"1": [{"dateadded": DAY + " UTC", "url": "http://c2.example/x", "threat": "malware_download", "tags": None}]},
        {Indicator("http://c2.example/x", "malware_download", MARCH)},
    ),
    "urlhaus hosts": ("# hosts\n127.0.0.1\tc2.example\n", {Indicator("c2.example")}),
    "spamhaus json": (DROP, {Indicator("192.0.2.0/24", "SBL1")}),
    "spamhaus json with numbers of networks": (ASNDROP, {Indicator("192.0.2.0/24", "SBL1")}),
    "spamhaus text": ("; Spamhaus DROP List\n192.0.2.0/24 ; SBL1\n", {Indicator("192.0.2.0/24", "SBL1")}),
    "firehol": (FIREHOL, {Indicator("192.0.2.1"), Indicator("192.0.2.128/25")}),
    "emerging threats": ("# Rules, sets, and lists\n192.0.2.80\n198.51.100.0/24\n", {Indicator("192.0.2.80"), Indicator("198.51.100.0/24")}),
    "ipsum": ("# IPsum\n192.0.2.81\t9\n", {Indicator("192.0.2.81", "9")}),
    "zeek": (
        ZEEK,
        {
            Indicator("192.0.2.1", "Botnet"), Indicator("198.51.100.0/24"), Indicator("c2.example"), Indicator("http://c2.example/a/b.bin", "Loader"),
            Indicator(CERTIFICATE),
        },
    ),
    "misp": (
        MISP,
        {
            Indicator("192.0.2.50", "an event", MARCH), Indicator("c2.example", "panel", MARCH), Indicator("192.0.2.51", "panel", MARCH),
            Indicator("192.0.2.52", "an event", MARCH), Indicator("http://c2.example/x", "an event", MARCH),
        },
    ),
    "misp events": ({"response": [MISP]}, {Indicator("192.0.2.50", "an event", MARCH)}),
    "stix": ({"type": "bundle", "objects": [STIX, OLDER, REVOKED, SIGMA, {"type": "identity"}]}, FOUND_BY_STIX),
    "taxii": ({"more": False, "objects": [STIX]}, FOUND_BY_STIX),
    "otx": (OTX, {Indicator("192.0.2.60", "pulse", MARCH, JUNE)}),
    "csv with a header": ("indicator,category,until,confidence\nc2.example,phishing,2026-06-01,40\n", {Indicator("c2.example", "phishing", 0, JUNE, 40)}),
    "csv without": ("2026-03-01,192.0.2.90,scanner\n", {Indicator("192.0.2.90", "scanner")}),
    "csv of two columns": ("c2.example,phishing\n", {Indicator("c2.example", "phishing")}),
    "filter list": ("! words\n||c2.example^\n", {Indicator("||c2.example^")}),
    "filter list with a heading": ("[Adblock Plus 2.0]\n! words\n||c2.example^\n", {Indicator("||c2.example^")}),
    "csv with numbers of networks": ("ip,asn,name\n192.0.2.1,64500,Example\n", {Indicator("192.0.2.1", "Example")}),
    "csv with descriptions": ("#ip,ioc\n192.0.2.1,Possible C2\n", {Indicator("192.0.2.1")}),
    "abuseipdb": (
        {"data": [{"ipAddress": "192.0.2.1", "abuseConfidenceScore": 99}]}, {Indicator("192.0.2.1", confidence=99)}
    ),
    "misp attributes": (
        {"response": {"Attribute": [{**MISP["Event"]["Attribute"][0], "comment": "", "Event": {"info": "its event"}}]}},
        {Indicator("192.0.2.50", "its event", MARCH)},
    ),
    "stix sets": (
        {"objects": [{**STIX, "pattern": "[ipv4-addr:value IN ('192.0.2.1', '192.0.2.2')] OR [url:value = 'http://a.example/it\\'s']"}]},
        {one._replace(value=value) for one in FOUND_BY_STIX for value in ("192.0.2.1", "192.0.2.2", "http://a.example/it's")},
    ),
    "utf-16": ("192.0.2.1\tbotnet\r\n".encode("utf-16"), {Indicator("192.0.2.1", "botnet")}),
    "dshield": ("# Start\tEnd\tNetblock\n192.0.2.0\t192.0.2.255\t24\t500\n", {Indicator("192.0.2.0/24", "24 500")}),
    "addresses and masks": ("192.0.2.0 255.255.255.128\n192.0.2.200 192.0.2.9\n", {
        Indicator("192.0.2.0/25"), Indicator("192.0.2.200", "192.0.2.9")}),
    "our own": (HEADING + b"http://c2.example/a#b;c\tof many, words\t5\t6\t70\n192.0.2.1\t\t0\t0\t-1\n", {
        Indicator("http://c2.example/a#b;c", "of many, words", 5, 6, 70), Indicator("192.0.2.1")}),
}  # fmt: skip


@pytest.mark.parametrize("name", FEEDS)
def test_reports_what_the_feed_reports(tmp_path: Path, name: str) -> None:
    """Indicator, category, first sighting, expiry and confidence, whatever the names of columns."""
    feed, wanted = FEEDS[name]
    found = entries(read(tmp_path, feed if isinstance(feed, str | bytes) else json.dumps(feed)))
    assert found >= wanted
    assert name == "misp events" or found == wanted


def test_json_may_be_laid_out(tmp_path: Path) -> None:
    """A JSON document over many lines, with a byte order mark."""
    text = "\ufeff" + json.dumps({"objects": [STIX]}, indent=1)
    assert entries(read(tmp_path, text)) == FOUND_BY_STIX


@pytest.mark.parametrize(
    "feed",
    [
        "[]",
        '{"objects": []}',
        '{"results": []}',
        "# Firstseen,DstIP,DstPort\n",
        "#fields\tindicator\tindicator_type\n",
        "{}",
    ],
)
def test_an_empty_feed_is_fine(tmp_path: Path, feed: str) -> None:
    """Feeds may be empty for weeks."""
    one = read(tmp_path, feed)
    assert (len(one), one.faults) == (0, [])


@pytest.mark.parametrize(
    ("feed", "line", "message"),
    [
        (THREATFOX.replace("c2.example", "no indicator"), 5, "found "),
        (THREATFOX.replace("c2.example", "1.2.3"), 5, "found '1.2.3'"),
        (THREATFOX.replace("192.0.2.40:5555", ""), 6, "expected an indicator"),
        (FEODO.replace("192.0.2.10", "10.0.0.9") + '"2026-03-01","192.0.2.12"\n', 3, "private"),
        (FEODO + 'half a "line\n', 4, "expected an indicator"),
        ("192.0.2.1,a,b\nwhat,is,this\n", 2, "found 'what,is,this'"),
        (DROP + "{half\n", 3, "expected JSON"),
        (ZEEK + "no tabs here\n", 8, "expected 5 fields"),
        (ZEEK + "#fields\tname\tindicator_type\nc2.example/a\tIntel::URL\n", 9, "expected an indicator"),
        (
            json.dumps(
                {
                    "objects": [
                        STIX,
                        {**STIX, "id": "2", "pattern": "[ipv4-addr:value = '192.0.2.1' AND url:value = 'x']"},
                    ]
                }
            ),
            1,
            "entry 2: the pattern",
        ),
        (
            json.dumps({"objects": [STIX, {**STIX, "id": "2", "pattern": "[domain-name:value LIKE '%.example']"}]}),
            1,
            "compares with LIKE",
        ),
        (json.dumps([{"ip_address": "192.0.2.1"}, {"port": 1}, 7]), 1, "entry 2: found"),
        (json.dumps([{"ip_address": "192.0.2.1"}, "a b"]), 1, "entry 2: found 'a b'"),
    ],
)
def test_a_broken_line_is_reported_by_its_number_and_the_rest_loads(
    tmp_path: Path, feed: str, line: int, message: str
) -> None:
    """The error has the line number of the feed, not of the converted list."""
    one = read(tmp_path, feed)
    assert len(one) >= 1
    assert one.faults[0].line == line
    assert message in one.faults[0].message


@pytest.mark.parametrize(
    "text",
    [
        '{"5f0c1d5e": {"Orgc": {"name": "X"}, "info": "a manifest"}}',
        '{"dataType": "CVE_RECORD", "containers": {}}',
        "7",
        "[[]]",
        '{"vulnerabilities": [{"cveID": "CVE-2026-1"}]}',
        "cveID,vendor,product\nCVE-2026-1,Edimax,Camera\n",
        '"' * 5 + ",,",
        "[" * 5000,
    ],
)
def test_what_is_no_list_is_an_error(tmp_path: Path, text: str) -> None:
    """Any other JSON or CSV is an error."""
    with pytest.raises(DocumentErrors, match="no valid indicator"):
        read(tmp_path, text)


def test_every_truncation_of_a_feed_is_read_or_reported(tmp_path: Path) -> None:
    """A truncated download gives entries or a fault, never another error."""
    for feed in (THREATFOX, json.dumps(MISP), json.dumps(STIX), ZEEK, DROP):
        for stop in range(0, len(feed), 7):
            try:
                one = read(tmp_path, feed[:stop])
            except DocumentErrors:
                continue
            assert all(isinstance(entry, Indicator) for entry in entries(one))


RPZ = """\
$TTL 60
$ORIGIN rpz.example.
@ IN SOA localhost. root.localhost. (
    1 3600 600 ; serial, refresh, retry
    86400 60 )
  NS localhost.
bad.example           CNAME .            ; NXDOMAIN
*.bad.example   60 IN CNAME .
good.bad.example      CNAME rpz-passthru.
old.bad.example.rpz.example. CNAME old.bad.example.
drop.example          CNAME rpz-drop.
nodata.example        CNAME *.
garden.example     1h IN A 203.0.113.9
garden.example        AAAA 2001:db8::9
slow.example          CNAME rpz-tcp-only.
24.0.113.0.203.rpz-ip CNAME .
32.7.113.0.203.rpz-ip CNAME rpz-passthru.
48.zz.66.db8.2001.rpz-ip CNAME .
32.8.113.0.203.rpz-client-ip CNAME .
ns.example.rpz-nsdname CNAME .
"""


def test_a_response_policy_zone(tmp_path: Path) -> None:
    """Blocked names and addresses are listed, whatever the action; exceptions are none, below a listed name too; what
    does not block, and other triggers, are omitted.
    """
    (tmp_path / "zone").write_text(RPZ)
    zone = read_list(tmp_path / "zone")
    assert zone.faults == []
    assert {one.value for one in entries(zone) if one.until == 0} == {
        "bad.example", "drop.example", "nodata.example", "garden.example", "203.0.113.0/24", "2001:db8:66::/48",
    }  # fmt: skip
    lists = ThreatLists([tmp_path / "zone"])
    names = ("bad.example", "x.bad.example", "good.bad.example", "x.good.bad.example", "old.bad.example")
    assert [lists.domain(name, 1) is not None for name in names] == [True, True, False, False, False]
    assert [lists.check(value) is not None for value in ("203.0.113.6", "203.0.113.7")] == [True, False]


def test_a_filter_list_with_exceptions(tmp_path: Path) -> None:
    """An exception holds for its name and those below it, also if the list has the same name; a closer rule wins."""
    rules = "[Adblock Plus]\n! words\n||bad.example^$important\n@@||good.bad.example^\n@@||Good.bad.example^$dnstype=A"
    rules += (
        "\n||good.bad.example^\n||evil.good.bad.example^\n0.0.0.0 host.example\n203.0.113.9\n||*.wide.example^ # c\n"
    )
    (tmp_path / "filters").write_text(rules)
    assert read_list(tmp_path / "filters").faults == []
    lists = ThreatLists([tmp_path / "filters"])
    listed = ("bad.example", "x.bad.example", "evil.good.bad.example", "host.example", "203.0.113.9", "wide.example")
    assert [value for value in listed if lists.check(value) is None] == []
    assert [lists.check(name) for name in ("good.bad.example", "x.good.bad.example")] == [None, None]


def test_an_exception_hides_no_closer_entry_and_no_equal_one(tmp_path: Path) -> None:
    """Of another list, too. In an allow-list, an exception is an entry."""
    (tmp_path / "zone").write_text("shared.example CNAME rpz-passthru.\nevil.shared.example CNAME .\n")
    (tmp_path / "allow-zone").write_text("c2.example CNAME rpz-passthru.\n")
    (tmp_path / "bad").write_text("c2.example\n")
    zone = ThreatLists([tmp_path / name for name in ("zone", "allow-zone", "bad")])
    names = ("shared.example", "evil.shared.example", "c2.example")
    assert [zone.domain(name, 1) is not None for name in names] == [False, True, False]
    (tmp_path / "bad").write_text("shared.example\n")
    assert ThreatLists([tmp_path / name for name in ("zone", "bad")]).domain("shared.example", 1) is not None


@pytest.mark.parametrize(
    "text", ["203.0.113.5\nc2.example # bot\n198.51.100.0/24", FEODO + FEODO[-60:], "#x\n!\nc2.example"]
)
@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_line_ends(tmp_path: Path, text: str, end: str) -> None:
    """CR alone ends lines, too; line numbers of faults stay."""
    lines = read(tmp_path, text + "\nno indicator")
    others = read(tmp_path, (text + "\nno indicator").replace("\n", end))
    assert entries(others) == entries(lines)
    assert [fault.line for fault in others.faults] == [fault.line for fault in lines.faults] != []

"""C2 channels: named frameworks and trojans, check-ins without a name, similar benign traffic, repetition."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from pcaps.dissectors.mqtt import packet as message
from pcaps.dissectors.mqtt import text as mqtt_text
from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.literals import needed_texts
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.detectors.shared.exploits import TEXT_LIMIT
from sensor.dissectors.http import HttpBody, HttpRequest
from sensor.dissectors.mqtt import Mqtt
from sensor.dissectors.quic import QuicClientHello
from sensor.dissectors.rat import RatMessage
from sensor.dissectors.shared.smb_events import SmbCreate
from sensor.dissectors.tls import TlsCertificate, TlsClientHello
from sensor.intel.signatures import FOLDERS, Pattern, load_signatures
from tests.detectors.stories import START, World, detector, device, inspected, one
from tests.sampling import chance, count

C2 = "command_and_control.c2_framework"
VICTIM, SERVER = "10.0.0.7", "203.0.113.9"
BROWSER = "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko"

HOSTILE = ("a", "1", " ", "/", "\n", "'", "/{&", "/a?x=", "a=", "' or ", "../", "(=", "\\", "A1.", "<a ", ";", "{{")


def packet(at: float = 0, *, back: bool = False) -> Packet:
    source, target = (SERVER, VICTIM) if back else (VICTIM, SERVER)
    return Packet(
        ts=START + int(at * SECOND),
        src=parse(source),
        dst=parse(target),
        sport=80 if back else 50000,
        dport=50000 if back else 80,
        proto=6,
    )


def request(
    at: float,
    path: str,
    cookies: str = "",
    *,
    agent: str = BROWSER,
    headers: tuple[str, ...] = ("cookie", "user-agent", "host"),
) -> Event:
    return HttpRequest(packet(at), "GET", "203.0.113.9", path, agent, "", "", "", "", -1, False, headers, cookies)


def certificate(subject: str) -> Event:
    return TlsCertificate(packet(back=True), False, subject, subject, "", "", "", (), 0, 0, True, "rsa", 2048, "", "")


EVENTS = [
    (request(0, "/news.php", "session=base64:28"), "Empire"),
    (request(0, "http://203.0.113.9:8080/news.php", "session=base64:28"), ": a check-in of Empire"),
    (request(0, "/en-us/test.html", "ASPSESSIONID=hex:10; SESSIONID=digits:13"), "Covenant"),
    (
        HttpBody(
            packet(), "POST", "a.example", "/76N1Lm.php?n=x4tk7t4jo6", "Mozilla/4.0", ("accept",), "o=hex:129", ()
        ),
        "CryptoWall",
    ),
    (
        HttpBody(packet(), "POST", "203.0.113.9", "/OK21pqJA", "Mozilla/4.0", ("referer",), "OK21pqJA=base64:620", ()),
        "Emotet",
    ),
    (certificate("CN=Major Cobalt Strike, O=cobaltstrike"), "Cobalt Strike"),
    (TlsClientHello(packet(), "", (), "TLS 1.0", "49ed2ef3f1321e5f044f1e71b0e6fdd5", "t10", (), False), "TrickBot"),
    (
        QuicClientHello(packet(), "1", "", ("h3",), "TLS 1.3", "", "q13i0311h3_55b375c5d22e_c183556c78e2", False),
        "Merlin",
    ),
    (RatMessage(packet(), "njRAT", "ll", True), "njRAT"),
    (RatMessage(packet(back=True), "DarkComet", "8EA4AB05FA7E", False), "DarkComet"),
    (RatMessage(packet(), "command shell", "sh: no job control", True), "command shell"),
]


@pytest.mark.parametrize(("event", "name"), EVENTS, ids=[name for _, name in EVENTS])
def test_known_ways_of_speaking(event: Event, name: str) -> None:
    """One message that matches a signature raises an alert; the client of the flow is the actor in both directions."""
    alert = one(inspected(detector(C2), [event]))
    assert name in alert.summary
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(VICTIM), parse(SERVER))
    assert alert.target_port == 80


def test_header_fields_that_the_capture_truncated() -> None:
    """Truncated header fields make a signature that needs them low, with half the confidence; other signatures stay
    high, and truncated fields do not count as missing.
    """
    empire = one(inspected(detector(C2), [request(0, "/news.php", "session=base64:28")]))
    cut = ("cookie", "user-agent", "...")
    weak = one(inspected(detector(C2), [request(0, "/news.php", "session=base64:28", headers=cut)]))
    assert (empire.severity, weak.severity) == (Severity.high, Severity.low)
    assert weak.confidence == empire.confidence / 2
    cookies = "ASPSESSIONID=hex:10; SESSIONID=digits:13"
    sure = one(inspected(detector(C2), [request(0, "/en-us/test.html", cookies, headers=cut)]))
    assert sure.severity == Severity.high
    beats = [request(10 * i, f"/a?id=0123456789abcde{i}", headers=cut) for i in range(12)]
    assert inspected(detector(C2), beats) == []


def test_check_ins_without_a_name() -> None:
    """Periodic requests with opaque values and an incomplete imitation of a browser's header raise an alert."""
    story = [request(5 * n + 0.1 * (n % 3), f"/owa/{n % 2}/?id=t05mP2IPW8aK{n}x") for n in range(12)]
    alert = one(inspected(detector(C2), story))
    assert alert.numbers["beats"] == 6
    assert alert.severity == Severity.medium
    assert "Accept-Language" in " ".join(alert.why)


def test_devices_and_programs_without_a_name_that_poll_are_a_hint() -> None:
    """A bridge that polls its vendor every two seconds and a camera with the user agent of an old browser are low."""
    polls = [request(2 * n, f"/queue/getmessage?sso=91c2b44e0cc2e21ed4{n}", agent="") for n in range(40)]
    assert one(inspected(detector(C2), polls)).severity == Severity.low
    old = [request(2 * n, f"/cloud?id=91c2b44e0cc2e21ed4{n}", agent="Mozilla/4.0") for n in range(40)]
    assert one(inspected(detector(C2, World(device("camera", VICTIM))), old)).severity == Severity.low


def test_a_hello_that_benign_programs_share_is_a_hint() -> None:
    """HTTP/3 in Go without a server name is low, also from a camera: Merlin and benign programs share it."""
    hello = QuicClientHello(packet(), "1", "", ("h3",), "TLS 1.3", "", "q13i0311h3_55b375c5d22e_c183556c78e2", False)
    assert one(inspected(detector(C2), [hello])).severity == Severity.low
    assert one(inspected(detector(C2, World(device("camera", VICTIM))), [hello])).severity == Severity.low


def test_a_device_raises_the_severity() -> None:
    """A camera with a trojan's messages is more severe."""
    world = World(device("camera", VICTIM))
    assert (
        one(inspected(detector(C2, world), [RatMessage(packet(), "njRAT", "ll", True)])).severity == Severity.critical
    )


QUIET: dict[str, list[Any]] = {
    "a browser that polls": [
        request(5 * n, "/poll?id=t05mP2IPW8aK1x", "session=base64:28", headers=("host", "accept-language", "cookie"))
        for n in range(20)
    ],
    "a program under its own name": [
        request(5 * n, f"/v1/state/a8f01c33d2e{n}", agent="okhttp/4.9") for n in range(20)
    ],
    "no rhythm": [
        request(at, f"/a?id=t05mP2IPW8aK{n}")
        for n, at in enumerate((0, 1.5, 9, 11, 40, 43, 90, 200, 203, 290, 300, 450))
    ],
    "pages without numbers": [request(5 * n, "/status") for n in range(20)],
    "a login by telnet": [
        RatMessage(
            Packet(ts=START, src=parse(SERVER), dst=parse(VICTIM), sport=23, dport=50000, proto=6),
            "command shell",
            "Microsoft Windows",
            False,
        )
    ],
    "ordinary hellos": [
        TlsClientHello(
            packet(), "www.example.com", (), "TLS 1.0", "49ed2ef3f1321e5f044f1e71b0e6fdd5", "t10", (), False
        ),
        QuicClientHello(
            packet(), "1", "www.example.com", ("h3",), "TLS 1.3", "", "q13d0311h3_55b375c5d22e_c183556c78e2", False
        ),
        certificate("CN=www.example.com"),
    ],
}


@pytest.mark.parametrize("story", QUIET.values(), ids=QUIET.keys())
def test_benign_twins_are_quiet(story: list[Event]) -> None:
    """Similar benign messages raise no alert."""
    assert inspected(detector(C2), story) == []


def opened(name: str, share: str = "IPC$") -> Event:
    return SmbCreate(packet(), share, name, share == "IPC$", 0x12019F, 1, 0, True, "")


@pytest.mark.parametrize("name", ["msagent_4f", "postex_ssh_1a2b", "MSSE-1234-server", "gruntsvc"])
def test_pipes_of_implants(name: str) -> None:
    """The pipe of an implant on another host is reported once; pipes of Windows and files of that name are quiet."""
    found = inspected(detector(C2), [opened(name)] * 9)
    assert (len(found), found[0].severity, found[0].techniques[0].technique) == (1, Severity.high, "T1090.001")
    assert inspected(detector(C2), [opened("samr"), opened("status"), opened(name, "PUBLIC")]) == []


def test_a_shell_that_is_open_to_all() -> None:
    """An unauthenticated shell, as exploits open it, raises an alert; on login ports it does not."""
    answer = Packet(ts=START, src=parse("10.0.0.5"), dst=parse(VICTIM), sport=4444, dport=50000, proto=6)
    [alert] = inspected(detector(C2), [RatMessage(answer, "command shell", "Microsoft Windows XP", False)])
    assert (alert.target and alert.target.address, alert.target_port, alert.techniques[0].technique) == (
        parse("10.0.0.5"),
        4444,
        "T1059",
    )


def test_a_shell_behind_a_broker() -> None:
    """The output of a shell that a host publishes over MQTT raises an alert once: severity high for an external broker,
    medium for an internal one. Whatever else devices publish raises none.
    """

    def published(*payloads: bytes, broker: str = SERVER) -> list[Event]:
        ends = Packet(ts=START, src=parse(VICTIM), dst=parse(broker), sport=50000, dport=1883, proto=6)
        sent = [message(0x10, mqtt_text("MQTT") + b"\x04\x02\0\x3c" + mqtt_text("one"))]
        sent += [message(0x30, mqtt_text("out") + payload) for payload in payloads]
        return [one for data in sent for one in Mqtt().stream(ends).feed(ends, data, True) if isinstance(one, Event)]

    for output in (
        b"uid=0(root) gid=0(root) groups=0(root)\n",
        b'{"id": "bot7", "out": "uid=1000(pi) gid=1000(pi)"}',
        b"root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:",
        b"/bin/sh: 1: wgett: not found",
    ):
        alert = one(inspected(detector(C2), published(output, output)))
        assert (alert.severity, alert.techniques[0].technique, alert.target_port) == (Severity.high, "T1071.005", 1883)
    assert one(inspected(detector(C2), published(output, broker="10.0.0.5"))).severity == Severity.medium
    telemetry = (b"21.5", b'{"uid": 7, "gid": 3}', b"Linux pi 6.1.21-v8+ #1642 SMP PREEMPT", b"wgett: not found", b"")
    assert inspected(detector(C2), published(*telemetry)) == []


def test_repetition_is_one_finding() -> None:
    """A beacon of hours is reported once by name and once by interval, with the same key."""
    found = inspected(detector(C2), [request(5 * n, "/news.php", "session=base64:28") for n in range(500)])
    assert one(found)
    assert len(found) == 2


@pytest.mark.parametrize("subject", FOLDERS)
def test_signatures_by_their_own_examples(subject: str) -> None:
    """Each signature matches its examples, and no signature matches a benign example."""
    known = load_signatures(subject)
    assert known.entries
    for entry in known.entries:
        for fields, expected in (
            *((each, True) for each in entry.examples),
            *((each, False) for each in entry.lookalikes),
        ):
            words = " ".join(fields.get(name, "") for name in ("path", "cookies", "text"))
            found = {each.id for each in known.found(entry.event, fields, words)}
            assert (entry.id in found) if expected else not found, (entry.id, fields, found)


def test_signatures_are_safe() -> None:
    """No expression takes more than a few milliseconds of CPU on hostile texts of full length: the characters that it
    needs, and those between which it looks, repeated.
    """
    slow, tried = [], 0
    for entry in (entry for subject in FOLDERS for entry in load_signatures(subject).entries):
        for name, written in entry.match.items():
            search = re.compile(written, re.IGNORECASE).search
            for part in (*HOSTILE, *needed_texts(written)[:2]):
                text = (part * TEXT_LIMIT)[: TEXT_LIMIT - 1] + "!"
                started = time.thread_time()
                search(text)
                slow += [(entry.id, name, part)] if time.thread_time() - started > 0.02 else []
                tried += 1
    assert slow == []
    assert tried > 1000


@pytest.mark.parametrize("subject", FOLDERS)
def test_signatures_search_texts_that_need_it(subject: str) -> None:
    """Literals decide which expressions are searched, and change no result: over all examples, mixtures of them, and
    letters that equal ASCII ones if case is ignored.
    """
    entries, random = load_signatures(subject).entries, chance("signatures", subject)
    texts = [text for entry in entries for example in entry.examples + entry.lookalikes for text in example.values()]
    for _ in range(count(2_000, 200)):
        one, other = random.choices(texts, k=2)
        texts.append(one[: random.randrange(len(one) + 1)] + other[random.randrange(len(other) + 1) :])
    texts += [text.translate({ord("k"): "\N{KELVIN SIGN}", ord("s"): "\u017f"}) for text in texts[:200]]
    found = 0
    for written in {pattern for entry in entries for pattern in (*entry.match.values(), *entry.unless.values())}:
        ours, plain = Pattern(written), re.compile(written, re.IGNORECASE)
        for text in texts:
            assert ours.occurs_in(text) == (plain.search(text) is not None), (written, text)
            found += ours.occurs_in(text)
    assert found > len(entries)

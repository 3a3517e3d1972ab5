"""Mails to a scripted server: contents, recipients, and rejected mails."""

from __future__ import annotations

import email
import email.policy
import time
from contextlib import AbstractContextManager
from email.message import EmailMessage

import pytest
from pydantic import ValidationError

from sensor.core.output import BatchRejected, Entry, Retry
from sensor.outputs import email as mails
from sensor.outputs.email import Email, Options
from tests.golden import Golden
from tests.outputs.authority import Authority
from tests.outputs.batches import entries
from tests.outputs.listener import listener
from tests.outputs.mail_server import CLOSE, MailServer
from tests.outputs.samples import RECORDS
from tests.outputs.servers_base import free_port

SOC, BOSS = "soc@example.com", "boss@example.com"
# RFC 6409.
SUBMISSION = 587


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def output(port: int, **options: object) -> Email:
    usual = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "sensor@example.com",
        "recipients": [SOC],
        "timeout_s": 2,
    }
    return Email("mail", Options.model_validate(usual | options))


def running(server: MailServer) -> AbstractContextManager[int]:
    return listener(server)


def read(body: bytes) -> EmailMessage:
    made = email.message_from_bytes(body, policy=email.policy.SMTP)
    assert isinstance(made, EmailMessage)
    return made


def texts(mail: EmailMessage) -> tuple[str, str]:
    """Plain text part and HTML part."""
    bodies = [mail.get_body((kind,)) for kind in ("plain", "html")]
    return tuple(str(body.get_content()) for body in bodies)  # type: ignore[return-value, union-attr]


def composed(batch: list[Entry]) -> EmailMessage:
    return mails.compose(batch, output(25).options)


def an_entry(**reported: object) -> Entry:
    return Entry(1, {**RECORDS["alert_open"], **reported}, b"{}")


# Contents of a mail.


def test_several_records_are_one_mail_named_by_the_most_severe(golden: Golden):
    server, batch = MailServer(), [*entries(4), an_entry(severity="critical", msg="ransom note on FS01")]
    with running(server) as port:
        ack = output(port, recipients=[SOC, BOSS]).send(batch)
    (mail,) = server.mails
    assert (dict(ack.refused), ack.busy) == ({}, ())
    assert (mail.sender, mail.recipients) == ("sensor@example.com", (SOC, BOSS))
    seen = read(mail.body)
    golden(seen["Subject"])
    assert (seen["From"], seen["To"], seen["Auto-Submitted"]) == (
        "sensor@example.com",
        f"{SOC}, {BOSS}",
        "auto-generated",
    )
    for text in texts(seen):
        assert "5 events: 1 critical, 2 high, 1 medium, 1 info" in text
        assert all(one.id in text for one in batch)
        assert all(str(one.record["msg"]) in text for one in batch)


@pytest.mark.parametrize("case", RECORDS)
def test_every_record_has_a_text(case):
    record = RECORDS[case]
    mail = composed([Entry(1, record, b"{}")])
    plain, page = texts(mail)
    assert record["msg"][:60] in mail["Subject"]
    assert record["id"] in plain
    assert record["id"] in page
    assert "None" not in plain
    assert "{" not in plain.replace(record["msg"], "")


def test_an_alert_reports_who_what_why_and_what_to_do():
    plain, _ = texts(composed([an_entry()]))
    for expected in (
        "[HIGH] printer PRN-3F-EAST opened ADMIN$ on 2 hosts and started a service on FS01",
        "source: 10.20.30.41 port 49712 (PRN-3F-EAST, printer)",
        "targets: 10.20.1.5 (FS01, server), 10.20.1.6",
        "techniques: T1021.002 SMB/Windows Admin Shares, T1046 Network Service Discovery",
        "why: printers are not SMB clients; svcctl CreateServiceW after tree connect to ADMIN$",
        "recommended action: Isolate the source and look for new services on the targets.",
        "mute: sensor mute add --detector lateral_movement.remote_service --src 10.20.30.41 --for 7d",
    ):
        assert expected in plain


def test_texts_of_peers_do_no_harm():
    evil = 'x"><script>alert(1)</script>\r\nBcc: all@example.com\r\n\r\n.\r\nQUIT\x1b[2J\u202e'
    server = MailServer()
    with running(server) as port:
        output(port).send(
            [an_entry(msg=evil, src={"ip": evil, "hostname": evil}, alert={"title": evil, "why": [evil], "mute": evil})]
        )
    (mail,) = server.mails
    seen = read(mail.body)
    plain, page = texts(seen)
    assert seen["Bcc"] is None
    assert mail.recipients == (SOC,)
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert not {"\x1b", "\u202e"} & set(plain + page + seen["Subject"])
    assert "\nBcc" not in plain


def test_lines_of_dots_and_words_outside_ascii_arrive():
    server = MailServer()
    with running(server) as port:
        output(port).send([an_entry(msg="Drucker im 3. Stock – größer 東京", alert={"advice": "\n.\n..\n"})])
    seen = read(server.mails[0].body)
    assert seen["Subject"] == "[sensor] HIGH: Drucker im 3. Stock – größer 東京"
    assert "Drucker im 3. Stock – größer 東京" in texts(seen)[0]
    assert server.mails[0].body.isascii()
    assert max(map(len, server.mails[0].body.split(b"\r\n"))) < 998


BARE = [
    {"id": "1", "kind": "alert"},
    {"id": "1", "kind": "sensor", "severity": "odd", "msg": None, "src": [1], "sensor": "x", "targets": {}},
]


@pytest.mark.parametrize("record", BARE)
def test_records_without_most_of_their_fields_have_a_mail(record):
    plain, page = texts(composed([Entry(1, record, b"{}")]))
    assert "1 event: 1 info" in plain
    assert "reference" in page


def test_long_texts_and_lists_are_cut():
    mail = composed([an_entry(msg="m" * 5000, alert={"why": [f"reason {n}" for n in range(30)]})])
    assert len(mail["Subject"]) <= 150
    plain, _ = texts(mail)
    assert "reason 7; 22 more" in plain
    assert len(plain) < 2000


def test_the_same_batch_has_the_same_message_id_and_another_has_another():
    batch = entries(4)
    first, again, other = (composed(one)["Message-ID"] for one in (batch, batch, batch[:3]))
    assert first == again == f"<{batch[0].id}.{batch[-1].id}@example.com>"
    assert other != first


# Transport to the server.


def test_starttls_and_a_login(authority, monkeypatch):
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret")
    server = MailServer(pair=authority.issue("mail"), login=("sensor", "s3cret"))
    with running(server) as port:
        made = output(port, security="starttls", tls={"ca": authority.ca}, user="sensor", password="env:MAIL_PASSWORD")
        made.open()
        made.send(entries(1))
        made.send(entries(2, first=2))
        made.close()
    assert len(server.mails) == 2
    # Only EHLO and STARTTLS are sent in cleartext.
    assert [line.split()[0] for line in server.received[:4]] == ["ehlo", "STARTTLS", "ehlo", "AUTH"]


def test_tls_from_the_first_byte(authority):
    server = MailServer(pair=authority.issue("mail"), implicit=True)
    with running(server) as port:
        output(port, security="tls", tls={"ca": authority.ca}).send(entries(1))
    assert len(server.mails) == 1


def test_a_server_without_starttls_gets_nothing():
    server = MailServer()
    with running(server) as port, pytest.raises(Retry, match="STARTTLS"):
        output(port, security="starttls").send(entries(1))
    assert server.mails == []


def test_a_wrong_certificate_behind_starttls_is_explained(authority):
    server = MailServer(pair=authority.issue("old", days=-2))
    with (
        running(server) as port,
        pytest.raises(Retry, match=r"127\.0\.0\.1 expired .*\bold\b.*\bTest Authority\b"),
    ):
        output(port, security="starttls", tls={"ca": authority.ca}).send(entries(1))


def test_what_was_slipped_in_before_tls_is_not_received(authority):
    server = MailServer({"STARTTLS": [b"220 go ahead\r\n554 slipped in"]}, pair=authority.issue("mail"))
    with running(server) as port:
        output(port, security="starttls", tls={"ca": authority.ca}).send(entries(1))
    assert len(server.mails) == 1


@pytest.mark.parametrize("answer", ["535 5.7.8 wrong", "535 not {}", "535 5.7.8 AHNlbnNvcgBzM2NyZXQ="])
def test_a_login_that_is_turned_down_reports_no_secret(authority, monkeypatch, answer):
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret")
    server = MailServer(
        {"AUTH": [answer.format("s3cret").encode()] * 3}, pair=authority.issue("mail"), login=("sensor", "other")
    )
    with running(server) as port, pytest.raises(Retry, match=r"\bsensor\b.*: 535\b") as raised:
        output(port, security="starttls", tls={"ca": authority.ca}, user="sensor", password="env:MAIL_PASSWORD").send(
            entries(1)
        )
    assert "s3cret" not in str(raised.value)
    assert "AHNlbnNvcgBzM2NyZXQ" not in str(raised.value)


def test_a_connection_that_died_since_it_was_opened_is_made_again():
    server = MailServer({"NOOP": [CLOSE]})
    with running(server) as port:
        made = output(port)
        made.open()
        made.send(entries(1))
    assert len(server.mails) == 1


# Rejected mails.

LATER = {
    "busy at once": ({"": [b"421 4.3.2 too many"]}, "421 4.3.2 too many"),
    "no mail today": ({"": [b"554 no service"]}, "554 no service"),
    "sender": ({"MAIL": [b"550 5.7.1 not you"]}, "rejects the sender sensor@example.com: 550 5.7.1 not you"),
    "login first": ({"MAIL": [b"530 5.7.0 log in"]}, "rejects the sender sensor@example.com: 530 5.7.0 log in"),
    "recipient unknown": (
        {"RCPT": [b"550 5.1.1 nobody"]},
        "rejected all recipients: soc@example.com: 550 5.1.1 nobody",
    ),
    "recipient busy": (
        {"RCPT": [b"450 4.2.0 greylisted"]},
        "rejected all recipients: soc@example.com: 450 4.2.0 greylisted",
    ),
    "disk full": ({".": [b"452 4.3.1 no room"]}, "answers 452 4.3.1 no room"),
    "closes": ({"DATA": [CLOSE]}, "connection lost"),
    "no SMTP": ({"": [b"SSH-2.0-OpenSSH\x1b[1m"]}, "is not an SMTP server"),
    "endless": ({"EHLO": [b"\r\n".join([b"250-x"] * 1000)]}, "an incomplete answer"),
}


@pytest.mark.parametrize("case", LATER)
def test_what_passes_or_is_fixed_by_people_comes_again(case):
    script, expected = LATER[case]
    server = MailServer(script)
    with running(server) as port:
        made = output(port)
        with pytest.raises(Retry) as raised:
            made.send(entries(1))
        assert expected in raised.value.args[0]
        assert "\x1b" not in raised.value.args[0]
        made.open()
        made.send(entries(1))
        made.close()
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    "script",
    [{".": [b"554 5.6.0 not in this house"]}, {".": [b"552 5.3.4 too large"]}, {"MAIL": [b"552 5.3.4 too large"]}],
)
def test_a_mail_that_is_turned_down_for_good_is_refused(script):
    with running(MailServer(script)) as port, pytest.raises(BatchRejected, match=r"^55[24] 5\.[36]\.[04] "):
        output(port).send(entries(1))


def test_an_answer_that_does_not_come_ends_the_wait_and_the_repeat_can_be_recognised():
    class Silent(MailServer):
        def next(self, verb: str, usual: bytes) -> bytes:
            if verb == "." and not self.mails:
                self.stalled.wait(60)
                return CLOSE
            return super().next(verb, usual)

    server = Silent()
    with running(server) as port:
        made = output(port, timeout_s=0.4)
        begin = time.monotonic()
        with pytest.raises(Retry, match=r"no answer within 0\.4 s"):
            made.send(entries(3))
        assert time.monotonic() - begin < 30
        server.stalled.set()
        made.send(entries(3))
    assert len(server.mails) == 2
    assert len({read(mail.body)["Message-ID"] for mail in server.mails}) == 1


def test_a_recipient_that_is_busy_gets_the_mail_later_and_the_others_get_it_once():
    server = MailServer({"RCPT": [b"250 fine", b"450 4.2.2 mailbox full", b"450 4.2.2 still full"]})
    with running(server) as port:
        made = output(port, recipients=[SOC, BOSS])
        for _ in range(2):
            with pytest.raises(Retry, match=r"\bboss@example\.com: 450 4\.2\.2\b"):
                made.send(entries(2))
        assert not made.send(entries(2)).refused
    assert [mail.recipients for mail in server.mails] == [(SOC,), (BOSS,)]


def test_a_recipient_that_stays_busy_does_not_hold_up_the_others_for_ever(monkeypatch):
    monkeypatch.setattr(mails, "RETRY_S", 0.0)
    server = MailServer({"RCPT": [b"250 fine", b"450 4.2.2 mailbox full"]})
    with running(server) as port:
        ack = output(port, recipients=[SOC, BOSS]).send(entries(2))
    assert ack.refused == dict.fromkeys(
        (0, 1), "delivered to some recipients, but not boss@example.com: 450 4.2.2 mailbox full"
    )


def test_a_recipient_that_is_unknown_sends_the_records_to_the_dead_letters_too():
    server = MailServer({"RCPT": [b"250 fine", b"550 5.1.1 nobody \x1b[1m"]})
    with running(server) as port:
        ack = output(port, recipients=[SOC, BOSS]).send(entries(1))
    assert len(server.mails) == 1
    assert ack.refused == {0: "delivered to some recipients, but not boss@example.com: 550 5.1.1 nobody  [1m"}


# Findings of a check, and invalid options.


def test_a_check_asks_for_everything_and_sends_nothing(authority, monkeypatch):
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret")
    server = MailServer(pair=authority.issue("mail"), login=("sensor", "s3cret"))
    with running(server) as port:
        made = output(
            port,
            security="starttls",
            tls={"ca": authority.ca},
            user="sensor",
            password="env:MAIL_PASSWORD",
            recipients=[SOC, BOSS],
        )
        findings = list(made.check())
    assert [one.what for one in findings] == ["dns", "tcp", "tls", "auth", "permission", "permission", "permission"]
    assert {one.level for one in findings} == {"ok"}
    assert server.mails == []


TURNED_DOWN = [
    # The first greeting goes to the connection that only checks whether the port is open.
    ({"": [b"554 no", b"554 no"]}, "auth", "error"),
    ({"MAIL": [b"550 not you"]}, "permission", "error"),
    ({"RCPT": [b"550 nobody"]}, "permission", "error"),
    ({"RCPT": [b"450 later"]}, "permission", "warning"),
]


@pytest.mark.parametrize(("script", "what", "level"), TURNED_DOWN)
def test_a_check_reports_what_is_turned_down(script, what, level):
    with running(MailServer(script)) as port:
        *_, last = output(port).check()
    assert (last.what, last.level) == (what, level)


def test_no_server_listens():
    *_, last = output(free_port()).check()
    assert (last.what, last.level) == ("tcp", "error")
    with pytest.raises(Retry, match="refused"):
        output(free_port()).open()


def test_options_that_would_report_a_password_or_have_no_recipient_are_named():
    good = {"host": "a", "sender": "a@b.example", "recipients": ["c@d.example"]}
    for invalid, expected in (
        ({"security": "none", "user": "u", "password": "env:X"}, "it would be sent in cleartext"),
        ({"user": "u"}, "expected both user and password"),
        ({"recipients": []}, "at least 1 item"),
        ({"recipients": ["c@d.example\r\nBcc: x@y"]}, "expected an address such as"),
        ({"sender": "nobody"}, "expected an address such as"),
    ):
        with pytest.raises(ValidationError, match=expected):
            Options.model_validate(good | invalid)
    options = Options.model_validate(good)
    assert (options.filter.kinds, options.filter.severity) == (["alert", "incident"], "high")
    assert Email("m", options)._port == SUBMISSION

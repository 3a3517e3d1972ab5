"""A capture is sent in parts and becomes a dataset; other files are deleted; an analysis over its limits is stopped."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import httpx
import pytest

from sensor.console.analysis import analyze
from sensor.console.child import Limits
from sensor.console.uploads import CARD, FAILED, FOLDER, MOST, PART, Uploads
from sensor.views.errors import Malformed, Unknown
from tests.console.kit import Running, csrf_of
from tests.waiting import until

CAPTURE = Path(__file__).resolve().parents[2] / "pcaps/office.pcapng"
TIMEOUT_S = 600


@pytest.fixture
def there(forked_commands, start, tmp_path: Path) -> Running:
    return start(tmp_path)


class Sender:
    """A browser that uploads."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.token = csrf_of(client.get("/uploads").text)

    def begin(self, name: str, size: int) -> httpx.Response:
        sent = {"csrf": self.token, "name": name, "size": str(size)}
        return self.client.post("/uploads", data=sent, headers={"X-CSRF-Token": self.token})

    def part(self, name: str, offset: int, data: bytes, token: str | None = None) -> httpx.Response:
        headers = {"X-CSRF-Token": self.token if token is None else token, "Content-Type": "application/octet-stream"}
        return self.client.post(f"/uploads/{name}", params={"offset": offset}, content=data, headers=headers)

    def ended(self, name: str) -> dict[str, object]:
        """The final state; polls as the page does."""

        def over() -> dict[str, object] | None:
            found = self.client.get(f"/uploads/{name}", timeout=60).json()
            assert self.client.get("/uploads").status_code == 200
            return dict(found) if found["state"] in ("done", "failed") else None

        return until(over, timeout_s=TIMEOUT_S, apart_s=0.3) or {}


def test_a_capture_in_parts_becomes_a_dataset(there: Running) -> None:
    """The second part is lost at first: the upload resumes there. Alerts have their packets."""
    content = CAPTURE.read_bytes()
    with there.client() as client:
        sender = Sender(client)
        upload = sender.begin("../../My Office.pcapng", len(content)).json()
        assert upload["name"] == "My-Office.pcapng"
        assert sender.part(upload["id"], 0, content[:600_000]).json()["received"] == 600_000
        lost = sender.part(upload["id"], 700_000, content[700_000:])
        assert (lost.status_code, "600000" in lost.json()["error"]) == (400, True)
        there_now = client.get(f"/uploads/{upload['id']}").json()
        assert (there_now["state"], there_now["received"]) == ("receiving", 600_000)
        assert sender.part(upload["id"], 600_000, content[600_000:]).json()["state"] in ("waiting", "analyzing")
        done = sender.ended(upload["id"])
        assert (done["state"], done["dataset"], done["message"]) == ("done", "My-Office", "")
        assert "My-Office" in client.get("/uploads").text
        alerts = client.get("/api/v1/alerts", params={"data": "My-Office"}).json()["items"]
        assert "discovery.port_scan" in {one["detector"] for one in alerts}
        packets = client.get(f"/alerts/{alerts[0]['id']}/packets.pcapng", params={"data": "My-Office"})
        assert packets.status_code == 200
        again = sender.begin("My Office.pcapng", 20_000).json()
        sender.part(again["id"], 0, content[:20_000])
        assert sender.ended(again["id"])["dataset"] == "My-Office-2"
        sent = {"csrf": sender.token, "id": upload["id"]}
        assert client.post("/uploads/remove", data=sent).status_code == 303
        assert client.get("/devices", params={"data": "My-Office"}).status_code == 200
        assert not (there.state / FOLDER / upload["id"]).exists()


NO_CAPTURES = (
    ("notes.txt", b"hello, this is no capture\n", "text"),
    ("all.zip", b"PK\x03\x04" + bytes(60), "a ZIP archive"),
    ("short.pcap", b"\xd4\xc3", "too short"),
    ("program", b"\x7fELF" + bytes(60), "a program"),
)


def test_what_is_no_capture_is_named_and_deleted(there: Running) -> None:
    with there.client() as client:
        for name, content, expected in NO_CAPTURES:
            sender = Sender(client)
            upload = sender.begin(name, len(content)).json()
            found = sender.part(upload["id"], 0, content).json()
            assert found["state"] == "failed"
            assert expected in found["message"]
            assert [path.name for path in (there.state / FOLDER / upload["id"]).iterdir()] == [CARD]
            assert expected in client.get("/uploads").text
            assert sender.part(upload["id"], len(content), b"more").status_code == 400


def test_a_bomb_is_read_as_far_as_it_is_a_capture(there: Running) -> None:
    """16 MiB of zeros in 16 KiB behind eight packets: the dataset has the packets, and the damage is reported."""
    content = gzip.compress(CAPTURE.read_bytes()[:2000] + bytes(16 << 20), 9)
    assert len(content) < 25_000
    with there.client() as client:
        sender = Sender(client)
        upload = sender.begin("bomb.pcap.gz", len(content)).json()
        sender.part(upload["id"], 0, content)
        assert sender.ended(upload["id"])["state"] == "done"
        health = client.get("/api/v1/health", params={"data": "bomb"}).json()["item"]
        assert health["figures"]["packets"] == 8
        assert any("damaged" in one for one in health["unseen"])
        assert "No loss" not in client.get("/", params={"data": "bomb"}).text


def test_sizes_that_cannot_be(there: Running) -> None:
    with there.client() as client:
        sender = Sender(client)
        for size in ("0", "-1", "x", str(MOST + 1), "9" * 30, ""):
            sent = {"csrf": sender.token, "name": "a.pcap", "size": size}
            assert (size, client.post("/uploads", data=sent).status_code) == (size, 400)
        assert 'class="empty"' in client.get("/uploads").text


def test_who_may_not_upload(there: Running) -> None:
    """No session, no token, the token of another session, no permission to write, and a too long part are rejected."""
    assert httpx.get(f"{there.url}/uploads").status_code == 401
    with there.client() as client, there.client("berta") as other, there.client("emil", "read") as reader:
        sender, foreign = Sender(client), csrf_of(other.get("/uploads").text)
        upload = sender.begin("a.pcap", PART + 100).json()
        assert sender.part(upload["id"], 0, b"x", token="").status_code == 403
        assert sender.part(upload["id"], 0, b"x", token=foreign).status_code == 403
        assert sender.part(upload["id"], 0, bytes(PART + 1)).status_code == 400
        assert sender.part("upload-0000000000000000", 0, b"x").status_code == 404
        assert sender.part("..%2f..%2fetc", 0, b"x").status_code == 404
        assert Sender(reader).begin("a.pcap", 100).status_code == 403
        assert Sender(reader).part(upload["id"], 0, b"x").status_code == 403
        assert 'type="file"' not in reader.get("/uploads").text
        assert client.get(f"/uploads/{upload['id']}").json()["received"] == 0


@pytest.mark.parametrize("limits", [Limits(seconds=0), Limits(memory=1 << 20)])
def test_an_analysis_that_takes_too_much_is_ended(tmp_path: Path, limits: Limits) -> None:
    """A reason is shown, and there is no dataset."""
    assert analyze(CAPTURE, "office", tmp_path, limits)
    assert not (tmp_path / "datasets" / "office").exists()


def test_an_analysis_uses_the_configuration_of_the_console(tmp_path: Path) -> None:
    """Roles apply as for the live sensor; without a configuration, none of the system's does."""
    config = tmp_path / "sensor.yaml"
    config.write_text("roles: {scanner: [10.20.10.106]}\n")
    severities = []
    for name, chosen in (("with", config), ("without", None)):
        assert analyze(CAPTURE, name, tmp_path, Limits(), chosen) == ""
        log = (tmp_path / "datasets" / name / "events.jsonl").read_text().splitlines()
        alerts = [one for line in log if (one := json.loads(line))["kind"] == "alert"]
        severities.append({one["severity"] for one in alerts if one["alert"]["detector"] == "discovery.port_scan"})
    assert severities == [{"low"}, {"medium"}]


def test_an_analysis_that_was_interrupted_is_reported(tmp_path: Path) -> None:
    """The console was stopped: the upload does not wait forever."""
    uploads = Uploads(tmp_path)
    one = uploads.begin("a.pcap", 100, "anna")
    card = tmp_path / FOLDER / one.id / CARD
    card.write_text(json.dumps(json.loads(card.read_text()) | {"state": "analyzing"}))
    again = Uploads(tmp_path).get(one.id)
    assert again.state == FAILED
    assert "stopped" in again.message
    (tmp_path / FOLDER / one.id / CARD).write_text("{")
    with pytest.raises(Unknown):
        uploads.get(one.id)


def test_uploads_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of uploads is limited; those without a part for a day are deleted; free disk space is reserved."""
    uploads, clock = Uploads(tmp_path), [1_000_000.0]
    monkeypatch.setattr("sensor.console.uploads.time.time", lambda: clock[0])
    monkeypatch.setattr("sensor.console.uploads.KEPT", 3)
    for number in range(3):
        uploads.begin(f"{number}.pcap", 100, "anna")
    with pytest.raises(Malformed):
        uploads.begin("more.pcap", 100, "anna")
    clock[0] += 90_000
    uploads.begin("more.pcap", 100, "anna")
    assert [one.name for one in uploads.all()] == ["more.pcap"]
    monkeypatch.setattr("sensor.console.uploads.FREE", 1 << 60)
    with pytest.raises(Malformed, match="the disk"):
        uploads.begin("large.pcap", 100, "anna")


def test_names_lead_nowhere(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    for name in ("../../etc/passwd", "C:\\x\\y.pcap", CARD, "", "\x00", "-rf", "a" * 500 + ".pcap"):
        one = uploads.begin(name, 10, "anna")
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}", one.name)
        assert one.name != CARD

"""NATS servers that require client certificates: only certificates of the hub reach the login, and a certificate is
renewed and revoked with the JWT of its sensor.
"""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sensor.cli.main import main
from sensor.core.output import Entry, Retry
from sensor.hub import jwts, sensors
from sensor.hub.certificates import authority as hub_authority
from sensor.hub.certificates import client_certificate
from sensor.hub.folder import load_pair
from sensor.hub.settings import load_hub
from sensor.outputs import hub as output_module
from sensor.outputs.hub import Hub, Options
from sensor.outputs.hub_protocol.certificates import is_admission_of
from sensor.outputs.hub_protocol.credentials import (
    Credentials,
    certificate_path,
    load_credentials,
    save_credentials,
)
from sensor.outputs.hub_protocol.joining import join
from sensor.outputs.hub_protocol.messages import Admission, Joining
from sensor.outputs.hub_protocol.tokens import EXPECTED, bearer_of, tls_of
from sensor.outputs.transport.nkeys import ACCOUNT, USER, KeyPair
from sensor.outputs.transport.tls import Tls
from tests.forked import run
from tests.hub.hub_kit import MISSING, ROOT, SITE, HubServers, configuration, forwarder
from tests.outputs.authority import Authority
from tests.outputs.batches import entry, records
from tests.waiting import until

DAY_S = 86_400


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def running(authority: Authority) -> Iterator[HubServers]:
    if MISSING:
        pytest.skip(MISSING)
    servers = HubServers(authority=authority, verify=True)
    yield servers
    servers.close()


@pytest.fixture
def verifying(running: HubServers) -> HubServers:
    running.empty()
    return running


def output(servers: HubServers, credentials: Path, authority: Authority) -> Hub:
    options = {"servers": [servers.url], "credentials": credentials, "tls": {"ca": authority.ca}, "timeout_s": 5}
    return Hub("hub", Options.model_validate(options))


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate_path(path).read_bytes())


def event(number: int) -> Entry:
    [record] = records(1, first=number, sensor="office-1")
    return entry(record | {"sensor": record["sensor"] | {"site": SITE}})


def expires_in_days(path: Path) -> int:
    return round((certificate(path).not_valid_after_utc - datetime.now(UTC)) / timedelta(days=1))


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run(
        [sys.executable, "-m", "sensor", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_sensor_joins_and_delivers(verifying: HubServers, authority: Authority, office: Path, tmp_path: Path) -> None:
    """The token contains a certificate for an hour, enrolment returns one for 30 days; then the log is delivered."""
    log = shutil.copy(office, tmp_path / "events.jsonl")
    identity, path = tmp_path / "identity.yaml", tmp_path / "hub.creds"
    identity.write_text(f"sensor: {{ id: office-1, site: {SITE} }}\n")
    token = command("hub", "token", "--site", SITE, "--config", verifying.config).stdout.strip()
    arguments = ("join", verifying.url, "--config", identity, "-o", path, "--ca", authority.ca)
    bare = command(*arguments, ".".join(token.split(".")[:3]))
    assert (bare.returncode, "[hub.no-nats]" in bare.stderr) == (3, True)
    joined = command(*arguments, token)
    assert joined.returncode == 0, joined.stderr
    found, key = certificate(path), load_credentials(path).pair
    assert found.subject.rfc4514_string() == f"CN={key.public}"
    assert found.public_key() == key.private.public_key()
    assert expires_in_days(path) == 30
    assert certificate_path(path).stat().st_mode & 0o777 == 0o600
    config = configuration(tmp_path / "sensor.yaml", verifying.url, path, "office-1", tls=f"{{ ca: {authority.ca} }}")
    sent = forwarder(config, log, "--once")
    _, complaints = sent.communicate(timeout=60)
    assert sent.returncode == 0, complaints.decode()
    assert verifying.queried("SELECT count(*) FROM events") == [(len(log.read_text().splitlines()),)]


def replaced(verifying: HubServers, path: Path, kind: str) -> None:
    """Another certificate in place of that of a sensor."""
    account, mine = load_pair(verifying.nats.hub_folder, "account"), load_credentials(path)
    now = datetime.now(UTC)
    if kind == "none":
        certificate_path(path).unlink()
        return
    made = {
        "foreign": client_certificate(KeyPair.generate(ACCOUNT), mine.pair.public, now),
        "expired": client_certificate(account, mine.pair.public, now - timedelta(days=30), now - timedelta(minutes=1)),
        "future": client_certificate(account, mine.pair.public, now + timedelta(days=1)),
        "own": client_certificate(account, mine.pair.public, now),
    }[kind]
    save_credentials(path, Credentials(mine.jwt, mine.pair, made))


@pytest.mark.parametrize("kind", ["none", "foreign", "expired", "future"])
def test_certificates_that_are_refused(verifying: HubServers, authority: Authority, tmp_path: Path, kind: str) -> None:
    """A missing, foreign, expired or future certificate is rejected despite a valid JWT; the hub's own is accepted."""
    path = verifying.joined("office-1", tmp_path)
    replaced(verifying, path, kind)
    sensor = output(verifying, path, authority)
    with pytest.raises(Retry, match="certificate"):
        sensor.open()
    replaced(verifying, path, "own")
    sensor.open()
    assert sensor._ask([]).high == 0
    sensor.close()


def test_a_certificate_of_the_servers_authority_is_foreign(
    verifying: HubServers, authority: Authority, tmp_path: Path
) -> None:
    """The CA of server certificates cannot issue sensor certificates."""
    path = verifying.joined("office-1", tmp_path)
    pair = authority.issue("client", client=True)
    tls = {"ca": authority.ca, "certificate": pair.certificate, "key": pair.key}
    options = {"servers": [verifying.url], "credentials": path, "tls": tls, "timeout_s": 5}
    with pytest.raises(Retry, match="certificate"):
        Hub("hub", Options.model_validate(options)).open()


def test_it_is_revoked_with_the_sensor(verifying: HubServers, authority: Authority, tmp_path: Path) -> None:
    """The certificate has not expired, but the server closes the connection and rejects the next login, and the hub
    issues no certificate for the key. Another sensor is not affected.
    """
    path, other = verifying.joined("office-1", tmp_path), verifying.joined("office-2", tmp_path)
    sensor, neighbour = output(verifying, path, authority), output(verifying, other, authority)
    sensor.open()
    neighbour.open()
    done = command("hub", "revoke", "office-1", "--config", verifying.config)
    assert done.returncode == 0, done.stderr
    with pytest.raises(Retry):
        sensor._ask([])
    with pytest.raises(Retry, match="Authorization Violation"):
        sensor.open()
    assert neighbour._ask([]).high == 0
    neighbour.close()
    account, key = load_pair(verifying.nats.hub_folder, "account"), load_credentials(path).pair.public
    with verifying.base() as base:
        refused = sensors.admission(base, account, key, datetime.now(UTC))
    assert (refused.state, refused.jwt, refused.certificate) == ("refused", "", "")


def test_it_is_renewed_while_connected(
    verifying: HubServers, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of 14 days stay; two days later they are replaced over the same connection, for the same key, and valid for
    the next one.
    """
    path = verifying.joined("office-1", tmp_path)
    mine, account = load_credentials(path), load_pair(verifying.nats.hub_folder, "account")
    with verifying.base() as base:
        begun = datetime.now(UTC) - timedelta(days=14)
        old = sensors.admission(base, account, mine.pair.public, begun)
    save_credentials(path, Credentials(old.jwt, mine.pair, old.certificate))
    sensor = output(verifying, path, authority)
    sensor.open()
    wire, sensor.epoch = sensor._opened, "e1"
    monkeypatch.setattr(output_module, "CHECK_EVERY_S", 0.0)
    assert not sensor.send([event(1)]).refused
    assert expires_in_days(path) == 16

    now = time.time()
    monkeypatch.setattr(output_module.time, "time", lambda: now + 2 * DAY_S)
    assert not sensor.send([event(2)]).refused
    monkeypatch.undo()
    assert expires_in_days(path) == 30
    renewed = load_credentials(path)
    assert (renewed.pair.seed, renewed.jwt != old.jwt) == (mine.pair.seed, True)
    assert sensor._opened is wire
    sensor.open()
    assert sensor._ask([]).high == 2
    sensor.close()


def test_it_is_renewed_while_there_is_nothing_to_send(
    verifying: HubServers, authority: Authority, office: Path, tmp_path: Path
) -> None:
    """With a filter that matches no event and credentials of 16 days, `sensor forward` renews them."""
    log, path = shutil.copy(office, tmp_path / "events.jsonl"), verifying.joined("office-1", tmp_path)
    mine, account = load_credentials(path), load_pair(verifying.folder, "account")
    with verifying.base() as base:
        old = sensors.admission(base, account, mine.pair.public, datetime.now(UTC) - timedelta(days=16))
    save_credentials(path, Credentials(old.jwt, mine.pair, old.certificate))
    quiet = {"tls": f"{{ ca: {authority.ca} }}", "filter": "{ sites: [nowhere] }"}
    config = configuration(tmp_path / "sensor.yaml", verifying.url, path, "office-1", **quiet)
    running = forwarder(config, log)
    try:
        until(lambda: load_credentials(path).jwt != old.jwt)
    finally:
        running.terminate()
        running.communicate(timeout=60)
    assert expires_in_days(path) == 30
    assert verifying.queried("SELECT count(*) FROM events") == [(0,)]


def test_credentials_of_an_earlier_version_get_one(verifying: HubServers, authority: Authority, tmp_path: Path) -> None:
    """The first connection to a server that requires no certificate yet renews credentials without one."""
    path = verifying.joined("office-1", tmp_path)
    account, mine = load_pair(verifying.nats.hub_folder, "account"), load_credentials(path)
    pair = tmp_path / "given.pem"
    pair.write_bytes(client_certificate(account, mine.pair.public, datetime.now(UTC)).encode() + mine.pair.pkcs8)
    certificate_path(path).unlink()
    options = {
        "servers": [verifying.url], "credentials": path, "tls": {"ca": authority.ca, "certificate": pair},
    }  # fmt: skip
    sensor = Hub("hub", Options.model_validate(options))
    sensor.open()
    sensor.close()
    assert expires_in_days(path) == 30


def test_init_needs_both_files(authority: Authority, tmp_path: Path) -> None:
    """Both files must exist: otherwise no keys are created. The written configuration is that of a hub."""
    pair = authority.issue("server")
    for given in (
        ["--certificate", pair.certificate],
        ["--key", pair.key],
        ["--certificate", pair.certificate, "--key", tmp_path / "none.key"],
        ["--certificate", pair.certificate, "--key", pair.key, "--ca", tmp_path / "none.pem"],
    ):
        assert main(["hub", "init", str(tmp_path / "hub"), *map(str, given)]) == 2
    assert not (tmp_path / "hub").exists()
    given = ["--certificate", pair.certificate, "--key", pair.key, "--ca", authority.ca]
    assert main(["hub", "init", str(tmp_path / "hub"), "--listen", "hub.example.net:4222", *map(str, given)]) == 0
    settings = load_hub(tmp_path / "hub" / "hub.yaml").settings.nats
    assert (settings.servers, settings.client_certificates) == (["tls://hub.example.net:4222"], True)
    assert settings.tls.ca == authority.ca


def test_what_a_server_cannot_replace(verifying: HubServers, tmp_path: Path) -> None:
    """A JWT or certificate of another hub or for another key, truncated or missing, is no admission of this sensor."""
    account, other = load_pair(verifying.folder, "account"), KeyPair.generate(ACCOUNT)
    key, neighbour = KeyPair.generate(USER).public, KeyPair.generate(USER).public
    now = datetime.now(UTC)
    jwt, pem = jwts.sensor_jwt(account, key, "a", int(now.timestamp())), client_certificate(account, key, now)
    assert is_admission_of(Admission("approved", jwt, certificate=pem), key, account.public)
    assert is_admission_of(Admission("approved", jwt), key, account.public)
    for forged in (
        Admission("approved", jwts.sensor_jwt(other, key, "a", int(now.timestamp())), certificate=pem),
        Admission("approved", jwts.sensor_jwt(account, neighbour, "a", int(now.timestamp())), certificate=pem),
        Admission("approved", jwt[:-4], certificate=pem),
        Admission("approved", "", certificate=pem),
        Admission("approved", jwt, certificate=client_certificate(other, key, now)),
        Admission("approved", jwt, certificate=client_certificate(account, neighbour, now)),
        Admission("approved", jwt, certificate=pem[:200]),
        Admission("approved", jwt, certificate="ü"),
    ):
        assert not is_admission_of(forged, key, account.public)


def test_a_worker_that_starts_again_is_certified(verifying: HubServers, authority: Authority, tmp_path: Path) -> None:
    """Workers issue their own certificates, also after a restart of the server."""
    verifying.nats.kill()
    verifying.nats.start()
    verifying.workers[0].kill()
    verifying.workers[0].start()
    token = command("hub", "token", "--site", SITE, "--config", verifying.config).stdout.strip()
    requested = Joining(KeyPair.generate(USER).public, "office-1", SITE)
    assert join(verifying.url, authority.ca, token, requested, 20).state == "approved"


def test_the_authority_is_the_same_at_any_time(verifying: HubServers) -> None:
    """The CA certificate is reproducible, so the servers' configuration stays valid; a changed token is invalid."""
    account = load_pair(verifying.nats.hub_folder, "account")
    printed = command("hub", "authority", "--config", verifying.config).stdout
    assert printed == hub_authority(account) == (verifying.nats.hub_folder / "clients.pem").read_text()
    with verifying.base() as base:
        token = sensors.make_token(base, account, SITE, datetime.now(UTC), certified=True)
    jwt, _ = bearer_of(token)
    *_, der, seed = token.split(".")
    for invalid in f"{jwt}.{der}", f"{jwt}.AAAA.{seed}", f"{jwt}.{der}.{KeyPair.generate(USER).seed}":
        with pytest.raises(ValueError, match=EXPECTED), tls_of(invalid, Tls()):
            pass
    with tls_of(token, Tls()) as tls:
        assert tls.certificate is not None
        raw = ssl.PEM_cert_to_DER_cert(tls.certificate.read_text().partition("-----BEGIN PRIVATE")[0])
    found = x509.load_der_x509_certificate(raw)
    assert found.public_bytes(Encoding.DER) == raw
    assert found.not_valid_after_utc - datetime.now(UTC) < timedelta(hours=1)
    assert not tls.certificate.exists()

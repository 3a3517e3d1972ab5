"""Enrolment with the real commands: token, join, approval, renewal, revocation; and read permissions."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from nats.aio.msg import Msg
from psycopg import sql

from sensor.core.output import Retry
from sensor.hub import jwts, sensors
from sensor.hub.database import grant_reader
from sensor.hub.folder import SEEDS, load_pair
from sensor.hub.revocation import UPDATE
from sensor.hub.stream import connected
from sensor.outputs.hub import Hub, Options
from sensor.outputs.hub_protocol.credentials import claims_of, load_credentials, save_credentials
from sensor.outputs.hub_protocol.joining import join
from sensor.outputs.hub_protocol.messages import Joining
from sensor.outputs.transport.nkeys import ACCOUNT, USER, KeyPair
from tests.forked import run, started
from tests.hub.hub_kit import ROOT, SITE, HubServers, configuration
from tests.sampling import repeated

DAY_S = 86_400


@pytest.fixture
def empty(servers: HubServers) -> HubServers:
    servers.empty()
    return servers


def sensor(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A sensor command, as a process."""
    return run(
        [sys.executable, "-m", "sensor", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


def hub(servers: HubServers, *arguments: str) -> subprocess.CompletedProcess[str]:
    return sensor("hub", *arguments, "--config", str(servers.config))


def joining(servers: HubServers, folder: Path, token: str, name: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    config = folder / "sensor.yaml"
    config.write_text(f"sensor: {{ id: {name}, site: {SITE} }}\n")
    return sensor("join", servers.url, token, "--config", str(config), "-o", str(folder / "hub.creds"))


def test_a_sensor_joins_and_delivers(empty: HubServers, tmp_path: Path) -> None:
    """The token of the hub, the command at the sensor, the check of the output; only the owner can read the seed."""
    token = hub(empty, "token", "--site", SITE)
    assert token.returncode == 0, token.stderr
    done = joining(empty, tmp_path, token.stdout.strip(), "office-1")
    assert done.returncode == 0, done.stderr
    credentials = tmp_path / "hub.creds"
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    assert "type: hub" in done.stdout
    config = configuration(tmp_path / "with_hub.yaml", empty.url, credentials, "office-1")
    checked = sensor("outputs", "check", "--config", str(config))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    claims = claims_of(load_credentials(credentials).jwt)
    assert claims.exp - claims.iat == 30 * DAY_S
    listed = hub(empty, "sensors")
    assert "office-1" in listed.stdout
    assert "approved" in listed.stdout


def test_a_token_admits_one_sensor(empty: HubServers, tmp_path: Path) -> None:
    """The same sensor may use the token again, another may not."""
    token = hub(empty, "token", "--site", SITE).stdout.strip()
    assert joining(empty, tmp_path / "a", token, "a").returncode == 0
    assert joining(empty, tmp_path / "a", token, "a").returncode == 0
    second = joining(empty, tmp_path / "b", token, "b")
    assert second.returncode == 1
    assert "[hub.refused]" in second.stderr
    assert empty.queried("SELECT name FROM sensors") == [("a",)]


def test_a_name_that_is_taken_needs_approval(empty: HubServers, tmp_path: Path) -> None:
    """The second sensor waits; after the approval the same command enrols it, with the same key."""
    for folder, code in ("first", 0), ("second", 1):
        token = hub(empty, "token", "--site", SITE).stdout.strip()
        done = joining(empty, tmp_path / folder, token, "twin")
        assert done.returncode == code, done.stderr
    assert "[hub.pending]" in done.stderr
    [(name,)] = empty.queried("SELECT name FROM sensors WHERE state = 'pending'")
    assert hub(empty, "approve", name).returncode == 0
    assert joining(empty, tmp_path / "second", token, "twin").returncode == 0
    assert empty.queried("SELECT count(*) FROM sensors WHERE state = 'approved'") == [(2,)]


def test_tokens_that_are_no_good(empty: HubServers, tmp_path: Path) -> None:
    """Tokens of another hub, expired or truncated, add no sensor."""
    account, user = KeyPair.generate(ACCOUNT), KeyPair.generate(USER)
    forged = jwts.token_jwt(account, user.public, SITE, int(time.time()))
    ours = load_pair(empty.nats.hub_folder, "account")
    expired = jwts.token_jwt(ours, user.public, SITE, int(time.time()) - 2 * jwts.TOKEN_S)
    unknown = jwts.token_jwt(ours, user.public, SITE, int(time.time()))
    codes = [joining(empty, tmp_path, token, "x").returncode for token in (forged, expired, unknown, "eyJ.x.y")]
    assert codes == [3, 3, 1, 2]
    assert empty.queried("SELECT FROM sensors") == []


def test_credentials_are_renewed_at_half_time(empty: HubServers, tmp_path: Path) -> None:
    """A JWT of 16 days is replaced when the output connects; one of 14 days is not."""
    path = empty.joined("office-1", tmp_path)
    mine = load_credentials(path)
    account = load_pair(empty.nats.hub_folder, "account")
    for days, renewed in (14, False), (16, True):
        old = jwts.sensor_jwt(account, mine.pair.public, "office-1", int(time.time()) - days * DAY_S)
        save_credentials(path, mine.__class__(old, mine.pair))
        output = Hub("hub", Options.model_validate({"servers": [empty.url], "credentials": path}))
        output.open()
        output.close()
        assert (load_credentials(path).jwt != old) is renewed
        assert load_credentials(path).pair.seed == mine.pair.seed


def test_a_revoked_sensor_is_cut_off(empty: HubServers, tmp_path: Path) -> None:
    """Its open connection is closed, and the servers reject it from then on."""
    path = empty.joined("office-1", tmp_path)
    output = Hub("hub", Options.model_validate({"servers": [empty.url], "credentials": path, "timeout_s": 5}))
    output.open()
    done = hub(empty, "revoke", "office-1")
    assert done.returncode == 0, done.stderr
    with pytest.raises(Retry):
        output._ask([])
    output.close()
    with pytest.raises(Retry, match="Authorization Violation"):
        output.open()
    assert hub(empty, "approve", "office-1").returncode == 1


@pytest.mark.parametrize("name", ["operator", "account"])
def test_a_revocation_with_the_keys_of_another_hub(empty: HubServers, tmp_path: Path, name: str) -> None:
    """NATS servers would confirm it and ignore it. The sensor is revoked in the database; with the own keys, it is cut
    off.
    """
    path = empty.joined("office-1", tmp_path)
    seed = empty.folder / f"{name}.seed"
    own = seed.read_text()
    seed.write_text(KeyPair.generate(SEEDS[name]).seed)
    try:
        done = hub(empty, "revoke", "office-1")
    finally:
        seed.write_text(own)
    assert (done.returncode, "hub.no-nats" in done.stderr, str(seed) in done.stderr) == (3, True, True)
    assert empty.queried("SELECT state FROM sensors") == [("revoked",)]
    output = Hub("hub", Options.model_validate({"servers": [empty.url], "credentials": path, "timeout_s": 5}))
    output.open()
    output.close()
    assert hub(empty, "revoke", "office-1").returncode == 0
    with pytest.raises(Retry, match="Authorization Violation"):
        output.open()


@pytest.mark.parametrize("body", [b"junk", b"[]", b"{}", b'{"error":{"code":500,"description":"a\\u001b[31m"}}'])
def test_a_revocation_that_something_else_answers(empty: HubServers, tmp_path: Path, body: bytes) -> None:
    """With credentials of another account, no server confirms it: an error, not a traceback."""
    empty.joined("office-1", tmp_path)
    system = empty.folder / "system.creds"
    own = system.read_text()
    system.write_text((empty.folder / "worker.creds").read_text())

    async def revoking() -> tuple[int, str]:
        client = await connected(empty.hub)

        async def answer(request: Msg) -> None:
            await request.respond(body)

        await client.subscribe(UPDATE, cb=answer)
        await client.flush()
        command = [sys.executable, "-m", "sensor", "hub", "revoke", "office-1", "--config", str(empty.config)]
        running = started(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        _, errors = await asyncio.to_thread(running.communicate)
        await client.close()
        return running.returncode, errors

    try:
        code, errors = asyncio.run(revoking())
    finally:
        system.write_text(own)
    assert (code, "Traceback" in errors, "\x1b" in errors) == (3, False, False), errors


def test_rename_and_move(empty: HubServers, tmp_path: Path) -> None:
    """Names are unique, and the sensor is not interrupted."""
    empty.joined("a", tmp_path)
    empty.joined("b", tmp_path)
    assert hub(empty, "rename", "a", "b").returncode == 1
    assert hub(empty, "rename", "a", "c").returncode == 0
    assert hub(empty, "move", "c", "--site", "Paris").returncode == 0
    assert hub(empty, "move", "nobody", "--site", "Paris").returncode == 1
    assert empty.queried("SELECT name, site, sensor_id FROM sensors ORDER BY name") == [
        ("b", SITE, "b"),
        ("c", "Paris", "a"),
    ]


def test_a_reader_sees_its_sites(empty: HubServers, tmp_path: Path) -> None:
    """Row-level security hides rows of other sites from any query; without a site there are no rows."""
    empty.joined("a", tmp_path, "Berlin")
    empty.joined("b", tmp_path, "Paris")
    with empty.base() as base:
        base.execute("DROP ROLE IF EXISTS team")
        base.execute("CREATE ROLE team LOGIN PASSWORD 'x'")
        grant_reader(base, "team", ["Berlin"])
    url = f"postgresql://team:x@{empty.hub.settings.database.url.partition('@')[2]}"
    with psycopg.connect(url) as reader:
        assert reader.execute("SELECT name FROM sensors").fetchall() == [("a",)]
        assert reader.execute("SELECT count(*) FROM upgrades").fetchall() == [(0,)]
        for table in ("tokens", "rollouts", "releases", "quarantine"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), reader.transaction():
                reader.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(table)))
    with empty.base() as base:
        grant_reader(base, "team", [])
    with psycopg.connect(url) as reader:
        assert reader.execute("SELECT name FROM sensors").fetchall() == []
    with empty.base() as base:
        base.execute("DROP OWNED BY team")
        base.execute("DROP ROLE team")


@pytest.mark.endurance
def test_many_sensors_join(empty: HubServers, tmp_path: Path) -> None:
    """Many enrolments by script: each with its own token and key, over NATS; 1,000 in `make test-endurance`."""
    account, many = load_pair(empty.nats.hub_folder, "account"), repeated(1000, 25)
    with empty.base() as base:
        tokens = [sensors.make_token(base, account, SITE, datetime.now(UTC)) for _ in range(many)]
    for number, token in enumerate(tokens):
        queried = Joining(KeyPair.generate(USER).public, f"s{number}", SITE, "0.1.0")
        assert join(empty.url, None, token, queried, 20).state == "approved"
    assert empty.queried("SELECT count(*) FROM sensors WHERE state = 'approved'") == [(many,)]


def test_an_expired_token_is_refused_by_the_database(empty: HubServers) -> None:
    """An expired token is refused even if the NATS server's clock still accepts it."""
    account, key = load_pair(empty.nats.hub_folder, "account"), KeyPair.generate(USER).public
    now = datetime.now(UTC)
    with empty.base() as base:
        token = sensors.make_token(base, account, SITE, now)
        late = sensors.admit(base, account, claims_of(token).sub, Joining(key, "a", SITE), now + timedelta(hours=2))
        assert late.state == "refused"
        assert sensors.admit(base, account, claims_of(token).sub, Joining(key, "a", SITE), now).state == "approved"

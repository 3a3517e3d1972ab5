"""A hub of real programs for a test: nats-server, PostgreSQL and workers on loopback, and enrolled sensors."""

from __future__ import annotations

import contextlib
import functools
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from sensor.hub import sensors
from sensor.hub.database import Connection, connected, grant_reader
from sensor.hub.entities import identify
from sensor.hub.folder import ServerTls, load_pair, make_folder
from sensor.hub.settings import Hub, load_hub
from sensor.outputs.hub_protocol.credentials import Credentials, claims_of, save_credentials
from sensor.outputs.hub_protocol.messages import Joining
from sensor.outputs.transport.nkeys import USER, KeyPair
from tests.forked import started
from tests.outputs.authority import Authority
from tests.outputs.servers_base import Server
from tests.outputs.servers_nats import MISSING as NO_NATS
from tests.outputs.servers_postgresql import MISSING as NO_POSTGRESQL
from tests.outputs.servers_postgresql import PASSWORD, PostgresqlServer

if TYPE_CHECKING:
    from sensor.console.settings import Shared

MISSING = NO_NATS or NO_POSTGRESQL
ACK_WAIT_S = 2
SITE, PARIS = "HQ", "Paris"
ROOT = Path(__file__).parents[2]

# Deletes all rows, without triggers, and restarts the numbers: TRUNCATE makes new files, in 40 times the CPU time. The
# version stays, and the keys and rights of running consoles.
EMPTY = """
DO $$ DECLARE name regclass; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT oid FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
        AND relnamespace IN ('public'::regnamespace, 'console'::regnamespace)
        AND relname <> ALL ('{hub_version,challenges,secrets,site_access}')
    LOOP EXECUTE 'DELETE FROM ' || name; END LOOP;
    PERFORM setval(seqrelid, seqstart, false) FROM pg_sequence WHERE pg_sequence_last_value(seqrelid) IS NOT NULL;
END $$"""


class HubNats(Server):
    """The NATS server of a hub, with the configuration of `sensor hub init`."""

    def __init__(self, database: str, tls: ServerTls | None = None) -> None:
        super().__init__()
        make_folder(self.hub_folder, f"127.0.0.1:{self.port}", database, tls)

    @property
    def hub_folder(self) -> Path:
        return self.folder / "hub"

    def command(self) -> Sequence[str]:
        return ["nats-server", "-c", str(self.hub_folder / "nats.conf")]


class Worker(Server):
    """`sensor hub run` as a process."""

    starts = staticmethod(started)

    def __init__(self, config: Path) -> None:
        super().__init__()
        self._config = config

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "sensor", "hub", "run", "--config", str(self._config)]

    def ready(self) -> bool:
        return "works" in self.output.read_text(errors="replace")

    def start(self) -> None:
        self.output.unlink(missing_ok=True)
        self.environment = {"PYTHONPATH": str(ROOT)}
        super().start()


class HubServers:
    """``postgresql``, ``nats``, ``workers``: running."""

    _base: Connection | None = None

    def __init__(self, workers: int = 1, authority: Authority | None = None, *, verify: bool = False) -> None:
        """``authority``: CA of the NATS server's certificate, which then requires TLS; ``verify``: and client
        certificates.
        """
        self._authority, self._verify = authority, verify
        with contextlib.ExitStack() as failed:
            self.postgresql = PostgresqlServer("fsync=on")
            failed.callback(self.postgresql.close)
            self.postgresql.start()
            self.config = self._start_nats(failed)
            self.workers = [Worker(self.config) for _ in range(workers)]
            for worker in self.workers:
                failed.callback(worker.close)
                worker.start()
            failed.pop_all()

    def _start_nats(self, failed: contextlib.ExitStack) -> Path:
        """Start NATS; hub.yaml. ``failed``: what ends the servers if one does not start."""
        authority, url = self._authority, database_url(self.postgresql)
        pair = authority.issue("nats") if authority is not None and self._verify else None
        self.nats = HubNats(url, ServerTls(*pair, authority.ca) if pair and authority is not None else None)
        config = self.nats.hub_folder / "hub.yaml"
        config.write_text(with_short_wait(config.read_text()))
        if authority is not None and not self._verify:
            self._require_tls(config, authority)
        failed.callback(self.nats.close)
        self.nats.start()
        return config

    @property
    def urls(self) -> list[str]:
        scheme = "nats" if self._authority is None else "tls"
        return [f"{scheme}://127.0.0.1:{self.nats.port}"]

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def folder(self) -> Path:
        return self.nats.hub_folder

    @property
    def servers(self) -> Sequence[Server]:
        return (*self.workers, self.nats, self.postgresql)

    @property
    def hub(self) -> Hub:
        return load_hub(self.config)

    @contextlib.contextmanager
    def with_three_sensors(self) -> Iterator[Connection]:
        """An empty database with two sensors at one site, and one at another."""
        self.empty()
        with self.base() as base:
            for name, site in ("s1", SITE), ("s2", SITE), ("s3", PARIS):
                base.execute(
                    "INSERT INTO sensors (key, name, site, sensor_id, sensor_site, state) "
                    "VALUES (%s, %s, %s, %s, %s, 'approved')",
                    [name, name, site, name, site],
                )
            yield base
        self.empty()

    def base(self) -> Connection:
        return connected(self.hub.settings.database)

    @functools.cached_property
    def shared(self) -> Shared:
        """What consoles share. Needs the extra console."""
        from sensor.hub.console.connections import Connections
        from sensor.hub.console.shared import shared_of

        return shared_of(Connections(self.hub.settings.database, keep=False))

    def limit(self, **sites: Sequence[str]) -> None:
        """Set the sites of users of consoles."""
        from sensor.hub.console.scopes import SiteScopes

        for name, several in sites.items():
            SiteScopes(self.shared.store).put(name, several)

    def audited(self) -> list[dict[str, Any]]:
        """The audit log, oldest entry first."""
        return [json.loads(row[0]) for row in self.queried("SELECT entry FROM console.audit ORDER BY number")]

    def queried(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._executed(statement, *values).fetchall()

    def empty(self) -> None:
        """Remove every sensor, with its events and its configuration."""
        self._executed(EMPTY)

    def _executed(self, statement: str, *values: Any) -> psycopg.Cursor[tuple[Any, ...]]:
        """On a connection that stays open: a new one takes 20 ms of CPU time."""
        if self._base is not None:
            try:
                return self._base.execute(statement, values or None)
            except psycopg.OperationalError:  # the server was killed
                self._base.close()
        self._base = self.base()
        return self._base.execute(statement, values or None)

    def joined(self, sensor: str, folder: Path, site: str = SITE) -> Path:
        """Credentials of an enrolled sensor, without NATS."""
        pair, account, now = KeyPair.generate(USER), load_pair(self.folder, "account"), datetime.now(UTC)
        with self.base() as base:
            token = claims_of(sensors.make_token(base, account, site, now)).sub
            admission = sensors.admit(base, account, token, Joining(pair.public, sensor, site), now)
        assert admission.state == "approved", admission.reason
        path = folder / f"{sensor}.creds"
        save_credentials(path, Credentials(admission.jwt, pair, admission.certificate))
        return path

    def _require_tls(self, config: Path, authority: Authority) -> None:
        pair, conf = authority.issue("nats"), self.nats.hub_folder / "nats.conf"
        conf.write_text(f'{conf.read_text()}tls {{ cert_file: "{pair.certificate}", key_file: "{pair.key}" }}\n')
        text = config.read_text().replace("nats://", "tls://")
        config.write_text(text.replace("database:", f"  tls: {{ ca: {authority.ca} }}\ndatabase:"))

    def close(self) -> None:
        if self._base is not None:
            self._base.close()
        for one in self.servers:
            one.close()


def database_url(postgresql: PostgresqlServer) -> str:
    return f"postgresql://sensor:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{postgresql.port}/postgres"


def with_short_wait(config: str) -> str:
    """hub.yaml with a short time until a worker counts as dead."""
    return config.replace("database:", f"  ack_wait_s: {ACK_WAIT_S}\ndatabase:")


def held(servers: HubServers) -> list[tuple[int, str]]:
    """Number and text of every event in the hub's database."""
    return [(row[0], row[1]) for row in servers.queried("SELECT seq, record FROM events ORDER BY seq, ts")]


def forwarder(config: Path, log: Path, *more: str) -> subprocess.Popen[bytes]:
    """`sensor forward` as a process."""
    command = [sys.executable, "-m", "sensor", "forward", "--config", str(config), "--events", str(log), *more]
    return started(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


def configuration(path: Path, url: str, credentials: Path, sensor: str, **more: Any) -> Path:
    options = "".join(f"    {name}: {value}\n" for name, value in more.items())
    path.write_text(
        f"sensor: {{ id: {sensor}, site: {SITE} }}\noutputs:\n  hub:\n    type: hub\n    servers: [{url}]\n"
        f"    credentials: {credentials}\n    backoff_max_s: 0.5\n{options}"
    )
    return path


def sent(servers: HubServers, log: Path, folder: Path, sensor: str, site: str) -> None:
    """A sensor of a site sends its log."""
    text = (
        log.read_text().replace('"id":"office-1"', f'"id":"{sensor}"').replace(f'"site":"{SITE}"', f'"site":"{site}"')
    )
    own = folder / f"{sensor}.jsonl"
    own.write_text(text)
    credentials = servers.joined(sensor, folder, site)
    config = configuration(folder / f"{sensor}.yaml", servers.url, credentials, sensor)
    config.write_text(config.read_text().replace(f"site: {SITE}", f"site: {site}"))
    process = forwarder(config, own, "--once")
    _, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints.decode()


def hub_file(servers: HubServers, folder: Path, reader: str = "reader: hub_reader") -> Path:
    """The configuration of a console, whose users with sites have the role ``reader``."""
    path = folder / "hub.yaml"
    url = servers.hub.settings.database.url
    path.write_text(f"nats: {{servers: ['{servers.url}']}}\ndatabase:\n  url: {url}\n  {reader}\n")
    return path


def fill(servers: HubServers, log: Path, folder: Path) -> None:
    """The log of the office capture, of two sites, which have the same devices and private addresses."""
    servers.empty()
    sent(servers, log, folder, "office-1", SITE)
    sent(servers, log, folder, "paris-1", PARIS)
    with servers.base() as base:
        if not base.execute("SELECT 1 FROM pg_roles WHERE rolname = 'hub_reader'").fetchone():
            base.execute("CREATE ROLE hub_reader NOLOGIN")
        grant_reader(base, "hub_reader", ["*"])
        identify(base)

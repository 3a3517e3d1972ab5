"""The folder of a hub: keys, credentials and the configuration of its NATS servers, created by `sensor hub init`.

``operator.seed`` signs accounts, ``account.seed`` signs sensors. Workers need ``account.seed`` and ``worker.creds``.
Revocation needs ``operator.seed`` and ``system.creds``; signing configuration needs ``operator.seed``, which need not
be on the hosts of workers. Sensors verify configuration with ``operator.pub``. Only the owner may read the folder.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sensor.hub import jwts
from sensor.hub.certificates import authority
from sensor.outputs.hub_protocol.credentials import Credentials, load_credentials, save_credentials
from sensor.outputs.transport.nkeys import ACCOUNT, OPERATOR, USER, KeyPair

OPERATOR_FILE, AUTHORITY_FILE = "operator.pub", "clients.pem"
SEEDS = {"operator": OPERATOR, "account": ACCOUNT, "system": ACCOUNT}
NATS_CONF = """\
# NATS server of the hub: `nats-server -c nats.conf`. Sensors of other networks need TLS: `sensor hub init` with
# --certificate and --key, or https://docs.nats.io/running-a-nats-service/configuration/securing_nats/tls
listen: {listen}
server_name: hub-1
operator: {operator}
system_account: {system}
resolver: {{ type: full, dir: "{folder}/accounts", allow_delete: false, interval: "2m" }}
jetstream {{ store_dir: "{folder}/jetstream" }}
"""
NATS_TLS = """\
tls {{
  cert_file: "{certificate}"
  key_file: "{key}"
  ca_file: "{folder}/clients.pem"
  verify: true
}}
"""
HUB_YAML = """\
# Workers and commands of the hub: `sensor hub run --config hub.yaml`.
nats:
  servers: [{scheme}://{listen}]
{more}database:
  url: "{database}"
"""


class FolderError(Exception):
    """The folder is not that of a hub, or cannot be used; the message contains its path."""


class ServerTls(NamedTuple):
    """Certificate chain and key of the NATS server (PEM); ``ca``: its authority, None: one that the system trusts."""

    certificate: Path
    key: Path
    ca: Path | None = None


def make_folder(folder: Path, listen: str, database: str, tls: ServerTls | None = None) -> None:
    """Create keys and configuration; with ``tls``, the server requires client certificates of the hub. Raises
    FolderError if keys exist; OSError if the folder cannot be written.
    """
    if (folder / "operator.seed").exists():
        raise FolderError(f"{folder} already contains the keys of a hub; another hub needs another folder")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    accounts = folder / "accounts"
    accounts.mkdir(exist_ok=True)
    pairs = {name: KeyPair.generate(kind) for name, kind in SEEDS.items()}
    now = int(time.time())
    for name, stores in (("account", True), ("system", False)):
        public = pairs[name].public
        text = jwts.account_jwt(pairs["operator"], public, name, now, stores=stores)
        (accounts / f"{public}.jwt").write_text(text, encoding="ascii")
    for user, account in (("worker", "account"), ("system", "system")):
        pair = KeyPair.generate(USER)
        made = Credentials(jwts.worker_jwt(pairs[account], pair.public, user, now), pair)
        save_credentials(folder / f"{user}.creds", made)
    operator = jwts.operator_jwt(pairs["operator"], pairs["system"].public, now)
    settings = {"listen": listen, "operator": operator, "system": pairs["system"].public, "folder": folder.absolute()}
    _write_configuration(folder, settings | {"database": database}, tls)
    (folder / AUTHORITY_FILE).write_text(authority(pairs["account"]), encoding="ascii")
    (folder / OPERATOR_FILE).write_text(pairs["operator"].public + "\n", encoding="ascii")
    for name, pair in pairs.items():
        _write_seed(folder / f"{name}.seed", pair.seed)


def _write_configuration(folder: Path, settings: Mapping[str, Any], tls: ServerTls | None) -> None:
    conf, scheme, more = NATS_CONF, "nats", ""
    if tls is not None:
        conf, scheme, more = conf + NATS_TLS, "tls", "  client_certificates: true\n"
        more += f"  tls: {{ca: {tls.ca.absolute()}}}\n" if tls.ca else ""
        settings = {**settings, "certificate": tls.certificate.absolute(), "key": tls.key.absolute()}
    (folder / "nats.conf").write_text(conf.format(**settings), encoding="utf-8")
    (folder / "hub.yaml").write_text(HUB_YAML.format(**settings, scheme=scheme, more=more), encoding="utf-8")


def operator_public(folder: Path) -> str:
    """Public key of the operator, which signs configuration; empty if the folder has neither it nor the seed."""
    try:
        return (folder / OPERATOR_FILE).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        pass
    try:
        return load_pair(folder, "operator").public
    except FolderError:
        return ""


def load_pair(folder: Path, name: str) -> KeyPair:
    """Load one of SEEDS. Raises FolderError."""
    path = folder / f"{name}.seed"
    try:
        return KeyPair.of_seed(path.read_text(encoding="ascii"), SEEDS[name])
    except OSError as error:
        raise FolderError(f"{path}: {error.strerror}; `sensor hub init` creates it") from None
    except ValueError:
        raise FolderError(f"{path} contains no seed of this type: restore it from a backup") from None


def load_signers(folder: Path) -> tuple[KeyPair, KeyPair]:
    """The pairs of operator and account, after a check that they belong to this hub: NATS servers confirm a JWT that
    another operator signed, and then ignore it. Raises FolderError; Retry if ``worker.creds`` cannot be read.
    """
    operator, account = load_pair(folder, "operator"), load_pair(folder, "account")
    issuer = load_credentials(folder / "worker.creds").claims.iss
    for name, found, expected in (
        ("operator", operator.public, operator_public(folder)),
        ("account", account.public, issuer),
    ):
        if found != expected:
            raise FolderError(
                f"{folder / name}.seed is that of another hub: found {found}, expected {expected}: restore it from a "
                "backup"
            )
    return operator, account


def _write_seed(path: Path, seed: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as out:
        out.write(seed + "\n")
        out.flush()
        os.fsync(out.fileno())

"""The folder of a hub: keys, credentials and the configuration of its NATS servers, created by `sensor hub init`.

``operator.seed`` signs accounts, ``account.seed`` signs sensors. Workers need ``account.seed`` and ``worker.creds``.
Revocation needs ``operator.seed`` and ``system.creds``; signing configuration needs ``operator.seed``, which need not
be on the hosts of workers. Sensors verify configuration with ``operator.pub``. Only the owner may read the folder.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from sensor.hub import jwts
from sensor.outputs.hub_protocol.credentials import Credentials, save_credentials
from sensor.outputs.transport.nkeys import ACCOUNT, OPERATOR, USER, KeyPair

OPERATOR_FILE = "operator.pub"
SEEDS = {"operator": OPERATOR, "account": ACCOUNT, "system": ACCOUNT}
NATS_CONF = """\
# NATS server of the hub: `nats-server -c nats.conf`. Add a section tls {{ cert_file, key_file }} before sensors of
# other networks use it: https://docs.nats.io/running-a-nats-service/configuration/securing_nats/tls
listen: {listen}
server_name: hub-1
operator: {operator}
system_account: {system}
resolver: {{ type: full, dir: "{folder}/accounts", allow_delete: false, interval: "2m" }}
jetstream {{ store_dir: "{folder}/jetstream" }}
"""
HUB_YAML = """\
# Workers and commands of the hub: `sensor hub run --config hub.yaml`.
nats:
  servers: [{url}]
database:
  url: "{database}"
"""


class FolderError(Exception):
    """The folder is not that of a hub, or cannot be used; the message names it."""


def make_folder(folder: Path, listen: str, database: str) -> None:
    """Create keys and configuration. Raises FolderError if keys exist; OSError if the folder cannot be written."""
    if (folder / "operator.seed").exists():
        raise FolderError(f"{folder} holds the keys of a hub already; another hub needs another folder")
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
    (folder / "nats.conf").write_text(NATS_CONF.format(**settings), encoding="utf-8")
    (folder / "hub.yaml").write_text(HUB_YAML.format(url=f"nats://{listen}", database=database), encoding="utf-8")
    (folder / OPERATOR_FILE).write_text(pairs["operator"].public + "\n", encoding="ascii")
    for name, pair in pairs.items():
        _write_seed(folder / f"{name}.seed", pair.seed)


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
        raise FolderError(f"{path}: {error.strerror}; `sensor hub init` makes it") from None
    except ValueError:
        raise FolderError(f"{path} holds no seed of this kind: restore it from a backup") from None


def _write_seed(path: Path, seed: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as out:
        out.write(seed + "\n")
        out.flush()
        os.fsync(out.fileno())

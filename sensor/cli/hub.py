"""Run the hub of many sensors, enroll sensors, and list what they report.

Sensors send their events over NATS JetStream; workers write them to PostgreSQL, each event once. A sensor
keeps an event until the database has committed it. Needs the extra `hub` and both servers; docs/operate/hub.md shows how to set them up.

actions:
  init DIR                     create keys, credentials and the configuration of the NATS server
  run                          run a worker: store events, answer sensors; start as many as the load needs
  authority                    print the authority of client certificates, for `ca_file` in the TLS settings of the NATS servers
  leaf DIR                     create credentials and configuration of a NATS server for a branch, which connects to --remote
  token                        print a token by which one sensor of --site joins within one hour
  sensors                      list sensors: state, last seen, gaps, clock, quarantined batches (default)
  approve NAME                 let a sensor join that has the id of an earlier one
  revoke NAME                  reject a sensor from now on
  rename NAME NEW              give a sensor another name in the hub
  move NAME                    move a sensor to --site, with its devices, alerts and incidents
  resend NAME                  request the log of a sensor again, after number --after
  quarantine                   list rejected batches, with the reason
  devices, alerts, incidents   list the latest states, newest first
  note ALERT                   set --status, --verdict, --assignee or --comment of an alert
  set DEVICE KEY=VALUE…        set owner, criticality or tags of a device at the hub, overriding those of its sensor; an empty value removes it
  undo NUMBER                  undo a value that `set` or the console wrote
  configure DIR                sign the configuration in a folder, for the fleet, --site or --sensor; --version N: publish an earlier version;
                               --clear: publish an empty layer. Sensors pull it with `sensor sync`
  configurations               list versions of the configuration, and the sensors that do not use the current one
  release FILE                 sign a Debian package of the sensor, and store it for sensors that accept upgrades (`sensor upgrade enable`)
  rollout VERSION              offer a release to ring 1 (1 % of the sensors), then 2 (10 %) and 3 (all); a ring starts with `rollout next`,
                               or after the one before was healthy for --healthy; a failure or `rollout stop` ends it
  ring NAME RING               set the ring of a sensor in later rollouts: 1, 2, 3 or auto
  upgrades                     list releases, the last rollout, and version, ring, state and fault of each sensor
  hunt QUERY                   run a query, or a hunt of the library by its name, over the traffic records of all sensors, of --site or --sensor;
                               sensors that did not answer --within the time are listed
  schedule NAME QUERY          run a query on all sensors, or those of --site, at the interval --every; findings have --severity
  unschedule NAME              remove a scheduled hunt with its findings
  schedules                    list scheduled hunts, and what is unknown about the last run
  findings NAME                list the rows that a scheduled hunt found, newest first
  report                       list scheduled reports and the reports that they made; `report add NAME`: --every day (1d) or week (7d) of --site or of
                               all, in --format; `report remove NAME`; `report save NUMBER FILE`; `report make FILE`: one now, --since and --until
  entities                     list devices that several sensors observe, with the reasons for each match
  roaming                      list the sites of these devices by time
  conflicts                    list MAC addresses that two sites saw at the same time
  identify                     find entities and conflicts now; workers do so every ten minutes
  separate A B                 never join two devices, each given as SENSOR/DEVICE
  reader ROLE [SITE…]          grant a PostgreSQL role read access to the rows of these sites; '*': all sites
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sensor.cli._actions import action_of, function_of
from sensor.cli._codes import USAGE
from sensor.cli._show import add_json_argument
from sensor.core.severities import SEVERITIES

EXAMPLES = """\
  sensor hub init /etc/sensor/hub --listen 10.0.0.5:4222 --database postgresql://hub@localhost/hub
  sensor hub run --config /etc/sensor/hub/hub.yaml
  sensor hub token --site Berlin
  sensor hub sensors --site Berlin
  sensor hub alerts --severity high
  sensor hub hunt "SELECT src_ip, count(*) FROM conn WHERE dst_ip = '203.0.113.9' GROUP BY 1" --since 24h
  sensor hub schedule telnet "SELECT src_ip, dst_ip FROM conn WHERE dst_port = 23" --every 1d --severity medium
  sensor hub report add berlin-weekly --site Berlin --every 7d
  sensor hub report make fleet.html --since 24h
  sensor hub configure ./fleet --comment 'threat list of November'
  sensor hub release passive-network-sensor_0.2.0_amd64.deb
  sensor hub rollout 0.2.0 --healthy 24h
  sensor hub set 7.dev-vhd5c5rg472v6c owner=facilities criticality=high --comment 'asset list'
  sensor hub note alert-5k2m8q --status closed --verdict benign --comment 'the vulnerability scanner'
"""
CONFIG = Path("/etc/sensor/hub/hub.yaml")
# Action → (module, function).
ACTIONS = {
    "init": ("_hub_run", "init"),
    "run": ("_hub_run", "run"),
    "authority": ("_hub_run", "authority"),
    "leaf": ("_hub_run", "leaf"),
    **{
        action: ("_hub_sensors", action)
        for action in ("token", "approve", "revoke", "rename", "move", "resend", "reader", "note")
    },
    **{action: ("_hub_entities", action) for action in ("entities", "roaming", "conflicts", "identify", "separate")},
    "set": ("_hub_devices", "set_values"),
    "undo": ("_hub_devices", "undo"),
    "hunt": ("_hub_hunt", "hunt"),
    **{action: ("_hub_config", action) for action in ("configure", "configurations")},
    **{action: ("_hub_schedules", action) for action in ("schedule", "unschedule", "schedules", "findings")},
    "report": ("_hub_reports", "report"),
    **{action: ("_hub_upgrades", action) for action in ("release", "rollout", "ring", "upgrades")},
    **{action: ("_hub_lists", action) for action in ("sensors", "quarantine", "devices", "alerts", "incidents")},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operands", metavar="ACTION", nargs="*", help="an action with its arguments (default: sensors)")
    parser.add_argument(
        "--config", metavar="FILE", type=Path, default=CONFIG, help=f"configuration of the hub (default: {CONFIG})"
    )
    parser.add_argument(
        "--site", metavar="SITE", help="of token, move, configure, hunt, schedule, report and lists: the site"
    )
    parser.add_argument("--sensor", metavar="NAME", help="of configure, hunt and lists: only this sensor")
    parser.add_argument(
        "--version", metavar="NUMBER", type=int, help="of configure: publish this earlier version again"
    )
    parser.add_argument("--clear", action="store_true", help="of configure: publish an empty layer")
    parser.add_argument("--type", metavar="TYPE", help="of devices: only this type, such as camera")
    parser.add_argument(
        "--find", metavar="TEXT", help="of devices, alerts and roaming: an address, MAC, name, detector or id, exactly"
    )
    severity = "of alerts and incidents: only this severity or higher; of schedule: that of findings"
    parser.add_argument("--severity", choices=SEVERITIES, default=SEVERITIES[0], help=severity)
    _add_note_arguments(parser)
    _add_hunt_arguments(parser)
    parser.add_argument(
        "--limit",
        metavar="ROWS",
        type=int,
        default=100,
        help="maximum number of rows; of hunt: from each sensor (default: 100)",
    )
    parser.add_argument("--after", metavar="NUMBER", type=int, default=0, help="of resend: the last number to keep")
    parser.add_argument(
        "--healthy",
        metavar="TIME",
        help="of rollout: time such as 24h or 3d until the next ring (default: `rollout next`)",
    )
    _add_init_arguments(parser)
    add_json_argument(parser)


def _add_init_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        default="127.0.0.1:4222",
        help="of init and leaf: of the NATS server (default: %(default)s)",
    )
    parser.add_argument(
        "--database", metavar="URL", default="postgresql:///hub", help="of init: PostgreSQL (default: %(default)s)"
    )
    parser.add_argument(
        "--remote",
        metavar="URL",
        action="append",
        default=[],
        help="of leaf: leaf node port of a NATS server of the hub, such as tls://hub.example.net:7422; repeat it for each",
    )
    for name, text in (
        ("certificate", "of init: certificate chain of the NATS server (PEM); it then requires client certificates"),
        ("key", "of init: its private key (PEM)"),
        ("ca", "of init: authority of that certificate, if the system does not trust it"),
    ):
        parser.add_argument(f"--{name}", metavar="FILE", type=Path, help=text)


def _add_hunt_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--since",
        metavar="TIME",
        default="",
        help="of hunt and report make: begin, such as 24h or 2026-11-24T09:00 (default: all; of report make 7d)",
    )
    parser.add_argument("--until", metavar="TIME", default="", help="of hunt and report make: end, in the same format")
    parser.add_argument(
        "--combine",
        metavar="QUERY",
        help="of hunt: a query over the rows of all sensors, the table found (needs the extra hunt)",
    )
    parser.add_argument(
        "--every", metavar="TIME", help="of schedule: from 10m to 30d, such as 6h or 1d; of report add: 1d or 7d"
    )
    parser.add_argument(
        "--format", choices=("html", "pdf", "json"), default="html", help="of report add: format (default: html)"
    )
    parser.add_argument(
        "--central",
        action="store_true",
        help="of hunt: query central records (`records.central`) instead of the sensors",
    )
    parser.add_argument(
        "--within", metavar="SECONDS", type=float, default=10.0, help="of hunt: time to answer, up to 60 (default: 10)"
    )


def _add_note_arguments(parser: argparse.ArgumentParser) -> None:
    """Options for notes on an alert."""
    parser.add_argument("--status", choices=("open", "acknowledged", "closed"), help="of note: state of the alert")
    parser.add_argument(
        "--verdict", choices=("true_positive", "benign", "false_positive"), help="of note: verdict on the alert"
    )
    parser.add_argument("--assignee", metavar="NAME", help="of note: who works on the alert")
    parser.add_argument(
        "--comment", metavar="TEXT", default="", help="of note, set, configure, separate and rollout stop: a comment"
    )
    parser.add_argument(
        "--author",
        metavar="NAME",
        help="of note, set, configure, release, rollout, hunt, schedule, report add and separate: author (default: the user)",
    )


def main(args: argparse.Namespace) -> int:
    """Run the action; 1 if a sensor is unknown, 2 for invalid arguments, 3 if something cannot be read, written or
    reached, 6 if the result of a sensor in a hunt is unknown.
    """
    return function_of(*ACTIONS[args.action])(args) if action_of(args, ACTIONS, "sensors") else USAGE

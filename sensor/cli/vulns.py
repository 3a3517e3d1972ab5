"""List vulnerabilities of devices, most urgent first.

Each device and CVE has one of three verdicts, with a reason: affected, not affected, or unknown. A version counts only
if a packet contained it. 347 CVEs of printers, phones, cameras, storage, network and building devices are built in; import adds NVD,
CVE records, the catalog of known exploited vulnerabilities, EPSS scores and advisories. Feeds are stored in vulnerabilities.db in the
state folder.

actions:
  list [FILTER…]               show CVEs of matching devices (filters as in `sensor devices`), most urgent first; state=gone: of gone devices
  show CVE                     show a CVE, its devices, and the reasons
  device DEVICE                show all CVEs of one device, with the packet that contained its version
  import FILE|URL…             import feeds: NVD 2.0, CVE JSON 5 (file, folder or zip), KEV, EPSS, CSAF, compressed or not
  sources                      show imported feeds with source and age
  update [NAME…]               import changed feeds again; KEV and EPSS that would lose half of their entries are rejected
  forget NAME…                 remove sources, with the data that only they contain

The priority is a sum, halved if it is unknown whether a device is affected: 30 known to be exploited, up to 20 for the probability of EPSS,
up to 20 for CVSS (unrated: as 5.0), 10 reachable from the internet, up to 10 criticality (not set: 4), 10 an attack on the device was seen.
"""

from __future__ import annotations

import argparse

from sensor.cli._actions import action_of, function_of
from sensor.cli._codes import USAGE
from sensor.cli._data import add_data_arguments
from sensor.cli._show import add_json_argument
from sensor.core.severities import SEVERITIES

EXAMPLES = """\
  sensor vulns
  sensor vulns type=camera vlan=30
  sensor vulns --severity high --exploited
  sensor vulns show CVE-2021-36260
  sensor vulns device 10.20.10.62
  sensor vulns import https://nvd.nist.gov/feeds/json/cve/2.0/nvdcve-2.0-2026.json.gz
  sensor vulns import known_exploited_vulnerabilities.json epss_scores-current.csv.gz cvelistV5-main.zip
  sensor vulns update
  sensor vulns forget nvdcve-2.0-2019
"""
# Action → (module, function).
ACTIONS = {
    "list": ("_vulns_list", "list_vulnerabilities"),
    "show": ("_vulns_list", "show"),
    "device": ("_vulns_list", "device"),
    "import": ("_vulns_feeds", "import_feeds"),
    "sources": ("_vulns_feeds", "list_sources"),
    "update": ("_vulns_feeds", "update"),
    "forget": ("_vulns_feeds", "forget"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "operands", metavar="FILTER | ACTION", nargs="*", help="filters, or an action with its arguments"
    )
    add_json_argument(parser)
    parser.add_argument(
        "--csv", action="store_true", help="of list and device: CSV with a heading, a row for each device and CVE"
    )
    parser.add_argument(
        "--severity",
        choices=SEVERITIES,
        default="",
        help="of list and device: only this severity or higher, by CVSS",
    )
    parser.add_argument("--exploited", action="store_true", help="of list and device: only CVEs known to be exploited")
    parser.add_argument(
        "--unknown",
        action="store_true",
        help="of list: include CVEs for which it is unknown whether a device is affected",
    )
    parser.add_argument(
        "--all", action="store_true", help="of list and device: include CVEs that do not affect the device"
    )
    parser.add_argument(
        "--force", action="store_true", help="of import and update: accept a feed that lost most of its entries"
    )
    add_data_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action; 1 if a CVE, a device or a source is unknown, 2 for invalid arguments, 3 if something cannot be
    read or written.
    """
    return function_of(*ACTIONS[args.action])(args) if action_of(args, ACTIONS, "list", filters=True) else USAGE

"""The SNMP variables that describe an agent, by the bytes of their object identifier: data for the SNMP dissector.

Standard ones from RFC 3418 (system), RFC 6933 (entities), RFC 3805 (printers), RFC 2790 (host resources), RFC 1628
(UPS); the others from vendor MIBs. Of tables only the row of the device itself: entity 1, or 1001 where members of a
stack are numbered from there.
"""

from __future__ import annotations

from sensor.dissectors.shared.der import identifier

_ENTITY, _VENDORS = "1.3.6.1.2.1.47.1.1.1.1", "1.3.6.1.4.1"
_ENTITY_COLUMNS = {9: "snmp.boot_firmware", 10: "snmp.firmware", 11: "snmp.serial", 12: "snmp.vendor", 13: "snmp.model"}

_STANDARD = {
    "1.3.6.1.2.1.1.1.0": "snmp.sys_descr",
    "1.3.6.1.2.1.1.2.0": "snmp.sys_object_id",
    "1.3.6.1.2.1.1.5.0": "snmp.hostname",
    "1.3.6.1.2.1.1.6.0": "snmp.location",
    "1.3.6.1.2.1.25.3.2.1.3.1": "snmp.device_descr",
    "1.3.6.1.2.1.33.1.1.1.0": "snmp.vendor",
    "1.3.6.1.2.1.33.1.1.2.0": "snmp.ups_model",
    "1.3.6.1.2.1.33.1.1.3.0": "snmp.firmware",
    "1.3.6.1.2.1.43.5.1.1.16.1": "snmp.printer_name",
    "1.3.6.1.2.1.43.5.1.1.17.1": "snmp.serial",
    f"{_VENDORS}.2699.1.2.1.2.1.1.3.1": "snmp.device_id",  # Port Monitor MIB of the Printer Working Group
} | {f"{_ENTITY}.{column}.{row}": kind for column, kind in _ENTITY_COLUMNS.items() for row in (1, 1001)}

# Relative to the vendor's enterprise number.
_OF_VENDORS = {
    # Chassis of Cisco: the old MIB, and that of stacks
    "9.3.6.3.0": "snmp.serial",
    "9.5.1.2.19.0": "snmp.serial",
    # HP: printers (many vendors support the first), switches
    "11.2.3.9.1.1.7.0": "snmp.device_id",
    "11.2.3.9.4.2.1.1.3.2.0": "snmp.model",
    "11.2.3.9.4.2.1.1.3.3.0": "snmp.serial",
    "11.2.36.1.1.2.6.0": "snmp.firmware",
    "11.2.36.1.1.2.9.0": "snmp.serial",
    # Servers of HPE
    "232.2.2.2.1.0": "snmp.serial",
    "232.2.2.4.2.0": "snmp.model",
    # Xerox, Ricoh, Lexmark, Epson, Kyocera, Canon, Brother: printers
    "253.8.53.3.2.1.3.1": "snmp.serial",
    "367.3.2.1.1.1.1.0": "snmp.model",
    "367.3.2.1.2.1.4.0": "snmp.serial",
    "641.2.1.2.1.2.1": "snmp.model",
    "641.2.1.2.1.4.1": "snmp.firmware",
    "641.2.1.2.1.6.1": "snmp.serial",
    "1248.1.2.2.1.1.1.1.1": "snmp.device_id",
    "1347.43.5.1.1.1.1": "snmp.model",
    "1347.43.5.1.1.28.1": "snmp.serial",
    "1347.43.5.4.1.5.1.1": "snmp.firmware",
    "1602.1.1.1.1.0": "snmp.model",
    "1602.1.2.1.4.0": "snmp.serial",
    "2435.2.3.9.1.1.7.0": "snmp.device_id",
    "2435.2.3.9.4.2.1.5.5.1.0": "snmp.serial",
    # APC: power supplies, outlets
    "318.1.1.1.1.1.1.0": "snmp.ups_model",
    "318.1.1.1.1.2.1.0": "snmp.firmware",
    "318.1.1.1.1.2.3.0": "snmp.serial",
    "318.1.1.12.1.3.0": "snmp.firmware",
    "318.1.1.12.1.5.0": "snmp.model",
    "318.1.1.12.1.6.0": "snmp.serial",
    # Power supplies of Eaton
    "534.1.1.1.0": "snmp.vendor",
    "534.1.1.2.0": "snmp.ups_model",
    "534.1.1.3.0": "snmp.firmware",
    # Service processors of Dell
    "674.10892.5.1.1.8.0": "snmp.firmware",
    "674.10892.5.1.3.2.0": "snmp.serial",
    "674.10892.5.1.3.12.0": "snmp.model",
    # Filers of NetApp
    "789.1.1.5.0": "snmp.model",
    "789.1.1.9.0": "snmp.serial",
    # Routers of Juniper
    "2636.3.1.3.0": "snmp.serial",
    # Synology
    "6574.1.5.1.0": "snmp.model",
    "6574.1.5.2.0": "snmp.serial",
    "6574.1.5.3.0": "snmp.firmware",
    # SonicWall
    "8741.2.1.1.1.0": "snmp.model",
    "8741.2.1.1.2.0": "snmp.serial",
    "8741.2.1.1.3.0": "snmp.firmware",
    # Fortinet
    "12356.100.1.1.1.0": "snmp.serial",
    "12356.101.4.1.1.0": "snmp.firmware",
    # MikroTik
    "14988.1.1.4.4.0": "snmp.firmware",
    "14988.1.1.7.3.0": "snmp.serial",
    "14988.1.1.7.9.0": "snmp.model",
    # QNAP
    "24681.1.2.12.0": "snmp.model",
    # Palo Alto Networks
    "25461.2.1.2.1.1.0": "snmp.firmware",
    "25461.2.1.2.1.3.0": "snmp.serial",
    "25461.2.1.2.2.1.0": "snmp.model",
    # Ubiquiti: access points
    "41112.1.6.3.3.0": "snmp.model",
    "41112.1.6.3.6.0": "snmp.firmware",
}

VARIABLES = {
    identifier(name): kind
    for name, kind in {**_STANDARD, **{f"{_VENDORS}.{name}": kind for name, kind in _OF_VENDORS.items()}}.items()
}
# Trees that only agents of one device type have, by the first six bytes of their names.
TREES = {identifier("1.3.6.1.2.1.33"): "ups", identifier("1.3.6.1.2.1.43"): "printer"}

"""RPC calls that change or read sensitive data: for each detector the attack, similar benign calls, repetition."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.batch import Problem
from sensor.core.event import Event
from sensor.dissectors.dns import DnsQuery
from sensor.dissectors.shared.smb_events import SmbCreate, SmbEncryptedCall, SmbTreeConnect, SmbTreeResult, SmbWrite
from tests.detectors.call_stories import CLIENT, SERVER, call, packet
from tests.detectors.stories import World, detector, inspected, one


def opened(name: str, share: str = "ADMIN$", *, at: float = 0, writes: bool = False, dst: str = SERVER) -> Event:
    return SmbCreate(packet(at, dst=dst), share, name, False, 0x12019F, 1, 0, writes, name.rpartition(".")[2].lower())


class Case(NamedTuple):
    """Events of an attack, the highest severity of its alerts and their first technique; and benign events."""

    attack: list[Event]
    severity: Severity
    technique: str
    ordinary: list[Event]


CASES = {
    "lateral_movement.remote_service": Case(
        [
            opened("PSEXESVC.exe", writes=True),
            call("svcctl", 12, "PSEXESVC", "%SystemRoot%\\PSEXESVC.exe", pipe="svcctl"),
            call("svcctl", 19, pipe="svcctl"),
        ],
        Severity.high,
        "T1543.003",
        [call("svcctl", number) for number in (0, 6, 14, 15, 16, 17, 26, 42)],
    ),
    "lateral_movement.remote_task": Case(
        [call("atsvc", 0, "cmd.exe /c whoami", pipe="atsvc", size=80)],
        Severity.high,
        "T1053.002",
        [call("atsvc", 2), call("ITaskSchedulerService", 7)],
    ),
    "lateral_movement.dcom_execution": Case(
        [
            call("ISystemActivator", 4, facts=(("class", "MMC20.Application"),)),
            call("IDispatch", 5, "ExecuteShellCommand"),
        ],
        Severity.high,
        "T1021.003",
        [
            call("ISystemActivator", 4, facts=(("class", "WbemLevel1Login"),)),
            call("IDispatch", 5, "Document"),
            call("IDispatch", 3),
        ],
    ),
    "lateral_movement.remote_registry": Case(
        [call("winreg", 22, "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run")],
        Severity.high,
        "T1112",
        [call("winreg", n) for n in (2, 9, 15, 17, 26)],
    ),
    "lateral_movement.event_log_clear": Case(
        [call("eventlog", 0)], Severity.high, "T1070.001", [call("eventlog", number) for number in (1, 7, 10)]
    ),
    "lateral_movement.event_log_crash": Case(
        [call("eventlog", 8, facts=(("event_source", "malformed"),))],
        Severity.high,
        "T1562.002",
        [call("eventlog", 8, "MySource"), call("eventlog", 0), call("eventlog", 7)],
    ),
    "lateral_movement.print_spooler": Case(
        [call("spoolss", 89, "\\\\10.0.0.66\\share\\evil.dll")],
        Severity.high,
        "T1068",
        [call("spoolss", number) for number in (0, 10, 17, 19)],
    ),
    "lateral_movement.tool_transfer": Case(
        [SmbWrite(packet(), "C$", "Windows\\Temp\\svc.txt", 0, 4096, True)],
        Severity.medium,
        "T1570",
        [
            opened("setup.exe", "SOFTWARE", writes=True),
            opened("report.pdf", "C$", writes=True),
            opened("cmd.exe", "C$"),
        ],
    ),
    "credential_access.remote_hive": Case(
        [call("winreg", 20, "C:\\Windows\\Temp\\a.tmp")],
        Severity.high,
        "T1003.002",
        [call("winreg", 17), opened("Temp\\system.log", "C$")],
    ),
    "credential_access.lsa_secrets": Case(
        [call("lsarpc", 28, "$MACHINE.ACC")], Severity.high, "T1003.004", [call("lsarpc", 6), call("lsarpc", 58, "joe")]
    ),
    "credential_access.ntds_copy": Case(
        [opened("Windows\\NTDS\\ntds.dit", "C$")], Severity.high, "T1003.003", [opened("notes\\ntds.dit.txt", "C$")]
    ),
    "credential_access.dcsync": Case(
        [
            call("drsuapi", 0, level=6),
            call("drsuapi", 16, level=6),
            call("drsuapi", 12, level=6),
            call("drsuapi", 3, level=6, size=400),
        ],
        Severity.high,
        "T1003.006",
        [call("drsuapi", 0), call("drsuapi", 12), call("drsuapi", 1)],
    ),
    "credential_access.coerced_authentication": Case(
        [call("efsrpc", 0, "\\\\10.0.0.66\\share\\a")],
        Severity.high,
        "T1187",
        [call("spoolss", 1, "\\\\FILES-1\\P"), call("spoolss", 65)],
    ),
}


@pytest.mark.parametrize("path", CASES)
def test_the_attack(path: str) -> None:
    """The attack raises an alert with both ends; it is low if the actor manages other hosts."""
    case = CASES[path]
    found = inspected(detector(path), case.attack)
    assert max(alert.severity for alert in found) == case.severity
    assert found[0].techniques[0].technique == case.technique
    assert {(alert.actor.address, alert.target and alert.target.address) for alert in found} == {
        (parse(CLIENT), parse(SERVER))
    }
    if path != "credential_access.dcsync":
        assert (
            max(alert.severity for alert in inspected(detector(path, managers=(CLIENT,)), case.attack)) == Severity.low
        )


@pytest.mark.parametrize("path", CASES)
def test_benign_twins_are_quiet(path: str) -> None:
    """Similar calls that only query, or have another purpose, raise no alert."""
    assert inspected(detector(path), CASES[path].ordinary) == []


@pytest.mark.parametrize("path", CASES)
def test_repetition_adds_no_finding(path: str) -> None:
    """A hundred repetitions of the attack have as many keys as one."""
    case = CASES[path]
    once = {alert.key for alert in inspected(detector(path), case.attack)}
    assert {alert.key for alert in inspected(detector(path), case.attack * 100)} == once


def test_calls_in_encrypted_smb() -> None:
    """A large call on a handle, with the sizes of a tool, is low, and repetition is one alert; small ones are quiet."""
    path = "lateral_movement.remote_service"
    alert = one(inspected(detector(path), [SmbEncryptedCall(packet(n), 156, False) for n in range(9)]))
    assert (alert.severity, [each.technique for each in alert.techniques]) == (
        Severity.low,
        ["T1021.002", "T1569.002"],
    )
    assert inspected(detector(path), [SmbEncryptedCall(packet(n), 100, False) for n in range(9)]) == []
    assert inspected(detector(path), [SmbEncryptedCall(packet(n), 2976, True) for n in range(9)]) == []


def test_a_task_in_encrypted_smb() -> None:
    """A call as long as a task is low, and repetition is one alert; calls on handles are no tasks."""
    path = "lateral_movement.remote_task"
    alert = one(inspected(detector(path), [SmbEncryptedCall(packet(n), 2976, True) for n in range(9)]))
    assert (alert.severity, [each.technique for each in alert.techniques]) == (
        Severity.low,
        ["T1053.005", "T1021.002"],
    )
    assert inspected(detector(path), [SmbEncryptedCall(packet(n), 2976, False) for n in range(9)]) == []


def test_psexec_is_named_by_what_came_before() -> None:
    """A program written to an administrative share, then a service created and started, is PsExec."""
    found = inspected(detector("lateral_movement.remote_service"), CASES["lateral_movement.remote_service"].attack)
    assert "like PsExec" in " ".join(found[0].why)
    assert [each.technique for each in found[1].techniques] == ["T1569.002", "T1543.003", "T1021.002"]


@pytest.mark.parametrize("name", ["RemCom_communicaton", "PSEXESVC", "updsvc-WS-1-4711-stdout", "PAExecIn12"])
def test_pipes_of_remote_execution_tools(name: str) -> None:
    """A pipe of such a tool is high, also if its service has another name; pipes of Windows and files with such a name
    are quiet.
    """
    path = "lateral_movement.remote_service"
    alert = one(inspected(detector(path), [opened(name, "IPC$")] * 9))
    assert (alert.severity, alert.techniques[0].technique) == (Severity.high, "T1569.002")
    quiet = [opened("svcctl", "IPC$"), opened("print-std-12.log", "IPC$"), opened(name, "PUBLIC")]
    assert inspected(detector(path), quiet) == []


@pytest.mark.parametrize(
    ("interface", "number", "text"),
    [
        ("efsrpc", 19, "\\\\10.0.0.66\\share\\a"),
        ("efsrpc", 22, "\\\\10.0.0.66\\share\\a"),
        ("eventlog", 9, "\\??\\UNC\\10.0.0.66\\share\\a"),
    ],
)
def test_calls_that_coerce_authentication(interface: str, number: int, text: str) -> None:
    """A path on another host is reported in each notation; one on the target itself or on its disk is not."""
    path = "credential_access.coerced_authentication"
    assert one(inspected(detector(path), [call(interface, number, text)])).severity >= Severity.medium
    for local in (text.replace("10.0.0.66", SERVER), "\\??\\C:\\logs\\a.evt", "\\\\?\\C:\\logs\\a.evt"):
        assert inspected(detector(path), [call(interface, number, local)]) == []


def test_many_ids_in_one_call() -> None:
    """A lookup of a thousand SIDs in one call enumerates users; that of an access list does not."""
    path = "discovery.smb_enumeration"
    alert = one(inspected(detector(path), [call("lsarpc", 15, size=36_032)]))
    assert alert.techniques[0].technique == "T1087.002"
    assert inspected(detector(path), [call("lsarpc", 15, size=3_200)] * 9) == []


def test_the_key_of_the_hives_is_read_in_pieces() -> None:
    """Only credential dumping opens the four keys of the boot key; inventory software reads keys beside them."""
    path, places = "credential_access.remote_hive", ("JD", "Skew1", "GBG", "Data")
    found = inspected(
        detector(path),
        [call("winreg", 15, f"SYSTEM\\CurrentControlSet\\Control\\Lsa\\{name}", at=n) for n, name in enumerate(places)],
    )
    assert (one(found).severity, one(found).techniques[0].technique) == (Severity.high, "T1003.002")
    assert (
        inspected(
            detector(path),
            [call("winreg", 15, "SYSTEM\\CurrentControlSet\\Control\\Lsa"), call("winreg", 15, "SOFTWARE\\Data")],
        )
        == []
    )


def test_a_controller_that_replicates_is_quiet() -> None:
    """A host that answered replication requests is a domain controller; a tool on it resolves a name first."""
    unit = detector("credential_access.dcsync", controllers=(CLIENT,))
    assert inspected(unit, CASES["credential_access.dcsync"].attack) == []
    [shadow] = inspected(detector("credential_access.dcsync"), [call("drsuapi", 5, size=100)])
    assert shadow.techniques[0].technique == "T1207"


ADD_ENTRY, CHANGES, REPLICA_ADD = (call("drsuapi", number, level=6, size=400) for number in (17, 3, 5))


def registered(zone: str) -> Event:
    return DnsQuery(packet(0), 7, zone, 6, 5, False)


@pytest.mark.parametrize("sign", [ADD_ENTRY, call("drsuapi", 4, level=6, size=200), registered("_msdcs.corp.example")])
def test_the_first_replication_of_a_new_controller(sign: Event) -> None:
    """After a sign of a promotion, replication is medium and the reasons contain the sign; it is one finding."""
    found = inspected(detector("credential_access.dcsync"), [sign, *[CHANGES] * 30])
    assert {alert.severity for alert in found} == {Severity.medium}
    assert {alert.techniques[0].technique for alert in found} == {"T1207"}
    assert one(found).actor.address == parse(CLIENT)


def test_a_promotion_hides_no_attack() -> None:
    """A tool resolves a name in the same conversation, DCShadow makes the controller replicate from the attacker; names
    in other zones are no sign. All are high.
    """
    for events, technique in (
        ([ADD_ENTRY, *CASES["credential_access.dcsync"].attack], "T1003.006"),
        ([ADD_ENTRY, REPLICA_ADD], "T1207"),
        ([registered("corp.example"), CHANGES], "T1003.006"),
        ([CHANGES], "T1003.006"),
    ):
        worst = max(inspected(detector("credential_access.dcsync"), events), key=lambda alert: alert.severity)
        assert (worst.severity, worst.techniques[0].technique) == (Severity.high, technique)


SHARE, HUNT, ENUMERATION = "lateral_movement.admin_share", "discovery.admin_hunt", "discovery.smb_enumeration"


def connected(n: int, status: int = 0, share: str = "C$") -> Event:
    return SmbTreeResult(
        packet(n, answer=True, dst=f"10.0.1.{n + 1}"), f"\\\\10.0.1.{n + 1}\\{share}", share, "disk", status
    )


def test_administrative_shares() -> None:
    """One administrative share is low, five hosts are a sweep; other shares and a single rejection raise no alert."""
    found = inspected(detector(SHARE), [connected(n) for n in range(6)])
    assert (found[0].severity, found[-1].severity) == (Severity.low, Severity.medium)
    assert inspected(detector(SHARE), [connected(0, share="DATA"), connected(0, status=0xC0000022)]) == []
    assert inspected(detector(SHARE), [call("srvsvc", 14)])[0].severity == Severity.medium


def test_administrative_shares_without_answers() -> None:
    """A request counts only if the capture has no packet of the server; other shares never count."""

    def requested(n: int, share: str, problem: int = Problem.ONE_SIDED) -> Event:
        host = f"10.0.1.{n + 1}"
        return SmbTreeConnect(packet(n, dst=host, problem=problem), f"\\\\{host}\\{share}", share)

    found = inspected(detector(SHARE), [requested(n, "C$") for n in range(6)])
    assert [(each.severity, each.confidence) for each in (found[0], found[-1])] == [
        (Severity.low, 0.6),
        (Severity.medium, 0.6),
    ]
    assert found[0].actor.address == parse(CLIENT)
    [answered] = inspected(detector(SHARE), [connected(0, share="C$")])
    assert (answered.target, answered.summary == found[0].summary) == (found[0].target, False)
    assert inspected(detector(SHARE), [requested(0, "DATA"), requested(1, "C$", 0)]) == []


def test_a_hunt_for_rights() -> None:
    """Service managers that are opened and closed on many hosts raise an alert; sessions that open a service do not."""
    hunt = [
        each
        for n in range(6)
        for each in (call("svcctl", 15, at=n, dst=f"10.0.1.{n}"), call("svcctl", 0, at=n + 0.1, dst=f"10.0.1.{n}"))
    ]
    found = inspected(detector(HUNT), hunt)
    assert one(found)
    assert [alert.severity for alert in found] == [Severity.low] * 3 + [Severity.medium] * 2
    hosts = [f"10.0.1.{n}" for n in range(6)]
    work = [call("svcctl", number, dst=host) for host in hosts for number in (15, 16, 0)]
    assert inspected(detector(HUNT), work) == []


def test_enumeration() -> None:
    """Single queries are low; three kinds of queries, or five hosts, are medium. Service queries are always low."""
    single = inspected(detector(ENUMERATION), [call("srvsvc", 15)])
    assert (single[0].severity, single[0].techniques[0].technique) == (Severity.low, "T1135")
    assert (
        inspected(detector(ENUMERATION), [call("srvsvc", 15), call("samr", 13), call("srvsvc", 12)])[-1].severity
        == Severity.medium
    )
    assert (
        inspected(detector(ENUMERATION), [call("samr", 13, dst=f"10.0.1.{n}") for n in range(5)])[-1].severity
        == Severity.medium
    )
    assert {
        alert.severity
        for alert in inspected(
            detector(ENUMERATION, World()), [call("svcctl", 14, dst=f"10.0.1.{n}") for n in range(50)]
        )
    } == {Severity.low}
    [rules] = inspected(detector(ENUMERATION), [call("samr", 46)])
    assert (rules.severity, rules.techniques[0].technique) == (Severity.low, "T1201")
    assert inspected(detector(ENUMERATION), [call("samr", 64), call("lsarpc", 58), call("srvsvc", 21)]) == []

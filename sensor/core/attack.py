"""The ATT&CK techniques (Enterprise) of the detectors: ids, names and tactics of version 18, as far as they are used.

An alert lists every technique that fits, the most specific first. Version 19 divides defense-evasion into two tactics
and gives T1070.001 a new id; consumers of the records still expect version 18.
"""

from __future__ import annotations

import msgspec


class Technique(msgspec.Struct, frozen=True):
    """``tactic`` in the dashed form of the published matrix."""

    tactic: str
    technique: str
    name: str


TECHNIQUES = {
    technique.technique: technique
    for technique in (
        Technique("discovery", "T1018", "Remote System Discovery"),
        Technique("discovery", "T1046", "Network Service Discovery"),
        Technique("lateral-movement", "T1021", "Remote Services"),
        Technique("lateral-movement", "T1021.001", "Remote Services: Remote Desktop Protocol"),
        Technique("lateral-movement", "T1021.002", "Remote Services: SMB/Windows Admin Shares"),
        Technique("lateral-movement", "T1021.003", "Remote Services: Distributed Component Object Model"),
        Technique("lateral-movement", "T1021.004", "Remote Services: SSH"),
        Technique("lateral-movement", "T1021.005", "Remote Services: VNC"),
        Technique("lateral-movement", "T1021.006", "Remote Services: Windows Remote Management"),
        Technique("lateral-movement", "T1210", "Exploitation of Remote Services"),
        Technique("credential-access", "T1557", "Adversary-in-the-Middle"),
        Technique("credential-access", "T1557.002", "Adversary-in-the-Middle: ARP Cache Poisoning"),
        Technique("credential-access", "T1557.003", "Adversary-in-the-Middle: DHCP Spoofing"),
        Technique("command-and-control", "T1071", "Application Layer Protocol"),
        Technique("reconnaissance", "T1590.002", "Gather Victim Network Information: DNS"),
        Technique("reconnaissance", "T1595", "Active Scanning"),
        Technique("reconnaissance", "T1595.001", "Active Scanning: Scanning IP Blocks"),
        Technique("impact", "T1498.001", "Network Denial of Service: Direct Network Flood"),
        Technique("impact", "T1498.002", "Network Denial of Service: Reflection Amplification"),
        Technique("impact", "T1499", "Endpoint Denial of Service"),
        Technique("impact", "T1499.001", "Endpoint Denial of Service: OS Exhaustion Flood"),
        Technique("impact", "T1499.002", "Endpoint Denial of Service: Service Exhaustion Flood"),
        Technique("initial-access", "T1190", "Exploit Public-Facing Application"),
        Technique("execution", "T1059", "Command and Scripting Interpreter"),
        Technique("execution", "T1059.001", "Command and Scripting Interpreter: PowerShell"),
        Technique("execution", "T1059.004", "Command and Scripting Interpreter: Unix Shell"),
        Technique("command-and-control", "T1071.001", "Application Layer Protocol: Web Protocols"),
        Technique("command-and-control", "T1573", "Encrypted Channel"),
        Technique("command-and-control", "T1573.002", "Encrypted Channel: Asymmetric Cryptography"),
        Technique("command-and-control", "T1219", "Remote Access Tools"),
        Technique("command-and-control", "T1105", "Ingress Tool Transfer"),
        Technique("reconnaissance", "T1595.002", "Active Scanning: Vulnerability Scanning"),
        Technique("command-and-control", "T1071.004", "Application Layer Protocol: DNS"),
        Technique("command-and-control", "T1090", "Proxy"),
        Technique("command-and-control", "T1090.003", "Proxy: Multi-hop Proxy"),
        Technique("command-and-control", "T1095", "Non-Application Layer Protocol"),
        Technique("command-and-control", "T1568.002", "Dynamic Resolution: Domain Generation Algorithms"),
        Technique("command-and-control", "T1571", "Non-Standard Port"),
        Technique("command-and-control", "T1572", "Protocol Tunneling"),
        Technique("exfiltration", "T1048", "Exfiltration Over Alternative Protocol"),
        Technique(
            "exfiltration",
            "T1048.003",
            "Exfiltration Over Alternative Protocol: Exfiltration Over Unencrypted Non-C2 Protocol",
        ),
        Technique("impact", "T1496", "Resource Hijacking"),
        Technique("impact", "T1496.001", "Resource Hijacking: Compute Hijacking"),
        Technique("impact", "T1496.002", "Resource Hijacking: Bandwidth Hijacking"),
        Technique("initial-access", "T1133", "External Remote Services"),
        Technique("credential-access", "T1110", "Brute Force"),
        Technique("credential-access", "T1110.001", "Brute Force: Password Guessing"),
        Technique("credential-access", "T1110.003", "Brute Force: Password Spraying"),
        Technique("initial-access", "T1078", "Valid Accounts"),
        Technique("initial-access", "T1078.001", "Valid Accounts: Default Accounts"),
        Technique("credential-access", "T1558", "Steal or Forge Kerberos Tickets"),
        Technique("credential-access", "T1558.003", "Steal or Forge Kerberos Tickets: Kerberoasting"),
        Technique("credential-access", "T1558.004", "Steal or Forge Kerberos Tickets: AS-REP Roasting"),
        Technique("lateral-movement", "T1550.002", "Use Alternate Authentication Material: Pass the Hash"),
        Technique("lateral-movement", "T1550.003", "Use Alternate Authentication Material: Pass the Ticket"),
        Technique("credential-access", "T1556.001", "Modify Authentication Process: Domain Controller Authentication"),
        Technique("credential-access", "T1557.001", "Adversary-in-the-Middle: LLMNR/NBT-NS Poisoning and SMB Relay"),
        Technique("credential-access", "T1040", "Network Sniffing"),
        Technique("credential-access", "T1552", "Unsecured Credentials"),
        Technique("discovery", "T1087.002", "Account Discovery: Domain Account"),
        Technique("discovery", "T1135", "Network Share Discovery"),
        Technique("discovery", "T1069.002", "Permission Groups Discovery: Domain Groups"),
        Technique("discovery", "T1049", "System Network Connections Discovery"),
        Technique("discovery", "T1033", "System Owner/User Discovery"),
        Technique("persistence", "T1543.003", "Create or Modify System Process: Windows Service"),
        Technique("execution", "T1569.002", "System Services: Service Execution"),
        Technique("execution", "T1053.002", "Scheduled Task/Job: At"),
        Technique("execution", "T1053.005", "Scheduled Task/Job: Scheduled Task"),
        Technique("execution", "T1047", "Windows Management Instrumentation"),
        Technique("defense-evasion", "T1112", "Modify Registry"),
        Technique("defense-evasion", "T1070.001", "Indicator Removal: Clear Windows Event Logs"),
        Technique("lateral-movement", "T1570", "Lateral Tool Transfer"),
        Technique("privilege-escalation", "T1068", "Exploitation for Privilege Escalation"),
        Technique("credential-access", "T1187", "Forced Authentication"),
        Technique("credential-access", "T1003.002", "OS Credential Dumping: Security Account Manager"),
        Technique("credential-access", "T1003.003", "OS Credential Dumping: NTDS"),
        Technique("credential-access", "T1003.004", "OS Credential Dumping: LSA Secrets"),
        Technique("credential-access", "T1003.006", "OS Credential Dumping: DCSync"),
        Technique("credential-access", "T1555", "Credentials from Password Stores"),
        Technique("defense-evasion", "T1207", "Rogue Domain Controller"),
        Technique("impact", "T1486", "Data Encrypted for Impact"),
        Technique("execution", "T1204", "User Execution"),
        Technique("impact", "T1489", "Service Stop"),
        Technique("discovery", "T1007", "System Service Discovery"),
        Technique("discovery", "T1012", "Query Registry"),
        Technique("persistence", "T1547.001", "Boot or Logon Autostart Execution: Registry Run Keys / Startup Folder"),
        Technique("persistence", "T1136.002", "Create Account: Domain Account"),
        Technique("persistence", "T1098", "Account Manipulation"),
        Technique(
            "persistence",
            "T1546.003",
            "Event Triggered Execution: Windows Management Instrumentation Event Subscription",
        ),
        Technique("initial-access", "T1200", "Hardware Additions"),
        Technique("defense-evasion", "T1562.002", "Impair Defenses: Disable Windows Event Logging"),
        Technique("defense-evasion", "T1036", "Masquerading"),
        Technique("defense-evasion", "T1036.008", "Masquerading: Masquerade File Type"),
        Technique("defense-evasion", "T1601", "Modify System Image"),
        Technique("defense-evasion", "T1601.002", "Modify System Image: Downgrade System Image"),
        Technique("collection", "T1602.002", "Data from Configuration Repository: Network Device Configuration Dump"),
        Technique("discovery", "T1482", "Domain Trust Discovery"),
        Technique("collection", "T1005", "Data from Local System"),
        Technique("discovery", "T1083", "File and Directory Discovery"),
        Technique("persistence", "T1542", "Pre-OS Boot"),
        Technique("collection", "T1125", "Video Capture"),
    )
}

"""DCE/RPC interfaces that are relevant for the security of Windows networks, as data: their ids, versions, and names of
calls.

Numbers and names as Microsoft publishes them ([MS-SCMR], [MS-TSCH], [MS-RRP], [MS-EVEN], [MS-EVEN6], [MS-SAMR],
[MS-LSAD], [MS-LSAT], [MS-SRVS], [MS-WKST], [MS-DRSR], [MS-NRPC], [MS-RPRN], [MS-PAR], [MS-EFSR], [MS-FSRVP],
[MS-DFSNM], [MS-BKRP], [MS-TSTS], [MS-ICPR], [MS-WCCE], [MS-DCOM], [MS-WMI], [MS-OAUT], C706). A ``+`` before a name:
the texts in its arguments are read.
"""

from __future__ import annotations

import uuid

import msgspec


class Interface(msgspec.Struct, frozen=True, gc=False):
    """``calls``: names by number; ``with_texts``: numbers of those whose texts are read."""

    name: str
    calls: dict[int, str] = {}
    with_texts: frozenset[int] = frozenset()

    def call(self, number: int) -> str:
        """The name of a call, empty if it is not in the table."""
        return self.calls.get(number, "")


UNKNOWN = Interface("")
_LSA = {
    0: "Close", 2: "EnumeratePrivileges", 4: "SetSecurityObject", 6: "OpenPolicy", 7: "QueryInformationPolicy",
    11: "EnumerateAccounts", 13: "EnumerateTrustedDomains", 14: "+LookupNames", 15: "LookupSids", 16: "+CreateSecret",
    28: "+OpenSecret", 29: "SetSecret", 30: "QuerySecret", 34: "EnumerateAccountRights",
    35: "EnumerateAccountsWithUserRight", 37: "AddAccountRights", 42: "+StorePrivateData", 43: "+RetrievePrivateData",
    44: "OpenPolicy2", 45: "GetUserName", 46: "QueryInformationPolicy2", 50: "EnumerateTrustedDomainsEx",
    57: "LookupSids2", 58: "+LookupNames2", 68: "+LookupNames3", 76: "LookupSids3", 77: "+LookupNames4",
}  # fmt: skip
_SPOOLER = {
    0: "EnumPrinters", 1: "+OpenPrinter", 2: "SetJob", 4: "EnumJobs", 5: "+AddPrinter", 7: "SetPrinter",
    8: "GetPrinter", 9: "+AddPrinterDriver", 10: "EnumPrinterDrivers", 17: "StartDocPrinter", 19: "WritePrinter",
    26: "GetPrinterData", 29: "ClosePrinter", 53: "GetPrinterDriver2", 62: "+RemoteFindFirstPrinterChangeNotification",
    65: "+RemoteFindFirstPrinterChangeNotificationEx", 67: "RouterRefreshPrinterChangeNotification",
    69: "+OpenPrinterEx", 70: "+AddPrinterEx", 88: "XcvData", 89: "+AddPrinterDriverEx",
}  # fmt: skip
_DISPATCH = {3: "GetTypeInfoCount", 4: "GetTypeInfo", 5: "+GetIDsOfNames", 6: "+Invoke"}
# name: (id, major version, calls)
_TABLE: dict[str, tuple[str, int, dict[int, str]]] = {
    "epm": ("e1af8308-5d1f-11c9-91a4-08002b14a0fa", 3, {2: "ept_lookup", 3: "ept_map", 4: "ept_lookup_handle_free",
    6: "ept_mgmt_delete"}),
    "mgmt": ("afa8bd80-7d8a-11c9-bef4-08002b102989", 1, {0: "inq_if_ids", 1: "inq_stats", 2: "is_server_listening",
    4: "inq_princ_name"}),
    "svcctl": ("367abb81-9844-35f1-ad32-98f038001003", 2, {
        0: "CloseServiceHandle", 1: "ControlService", 2: "DeleteService", 6: "QueryServiceStatus",
        11: "+ChangeServiceConfigW", 12: "+CreateServiceW",
        14: "EnumServicesStatusW", 15: "OpenSCManagerW", 16: "+OpenServiceW", 17: "QueryServiceConfigW",
        19: "+StartServiceW", 20: "GetServiceDisplayNameW",
        21: "GetServiceKeyNameW", 23: "+ChangeServiceConfigA", 24: "+CreateServiceA", 26: "EnumServicesStatusA",
        27: "OpenSCManagerA", 28: "+OpenServiceA",
        29: "QueryServiceConfigA", 31: "+StartServiceA", 36: "ChangeServiceConfig2A", 37: "+ChangeServiceConfig2W",
        42: "EnumServicesStatusExW",
        44: "+CreateServiceWOW64A", 45: "+CreateServiceWOW64W", 60: "+CreateWowService", 64: "OpenSCManager2",
    }),
    "atsvc": ("1ff70682-0a51-30e8-076d-740be8cee98b", 1, {0: "+NetrJobAdd", 1: "NetrJobDel", 2: "NetrJobEnum",
    3: "NetrJobGetInfo"}),
    "sasec": ("378e52b0-c0a9-11cf-822d-00aa0051e40f", 1, {0: "+SASetAccountInformation",
    1: "SASetNSAccountInformation", 2: "SAGetNSAccountInformation"}),
    "ITaskSchedulerService": ("86d35949-83c9-4044-b424-db363231fd0c", 1, {
        0: "HighestVersion", 1: "+RegisterTask", 2: "+RetrieveTask", 3: "+CreateFolder", 6: "EnumFolders",
        7: "EnumTasks", 8: "EnumInstances",
        10: "StopInstance", 11: "Stop", 12: "+Run", 13: "+Delete", 14: "Rename", 18: "+EnableTask",
    }),
    "winreg": ("338cd001-2244-31f1-aaaa-900038001003", 1, {
        0: "OpenClassesRoot", 1: "OpenCurrentUser", 2: "OpenLocalMachine", 3: "OpenPerformanceData", 4: "OpenUsers",
        5: "BaseRegCloseKey",
        6: "+BaseRegCreateKey", 7: "+BaseRegDeleteKey", 8: "+BaseRegDeleteValue", 9: "BaseRegEnumKey",
        10: "BaseRegEnumValue", 13: "+BaseRegLoadKey",
        15: "+BaseRegOpenKey", 16: "BaseRegQueryInfoKey", 17: "+BaseRegQueryValue", 19: "+BaseRegRestoreKey",
        20: "+BaseRegSaveKey",
        22: "+BaseRegSetValue", 24: "+BaseInitiateSystemShutdown", 26: "BaseRegGetVersion",
        30: "+BaseInitiateSystemShutdownEx", 31: "+BaseRegSaveKeyEx",
    }),
    "initshutdown": ("894de0c0-0d55-11d3-a322-00c04fa321a1", 1,
    {0: "+BaseInitiateShutdown", 1: "BaseAbortShutdown", 2: "+BaseInitiateShutdownEx"}),
    "eventlog": ("82273fdc-e32a-18c3-3f78-827929dc23ea", 0, {
        0: "+ElfrClearELFW", 1: "+ElfrBackupELFW", 2: "CloseEL", 7: "+ElfrOpenELW", 8: "+ElfrRegisterEventSourceW",
        9: "+ElfrOpenBELW", 10: "ElfrReadELW", 12: "+ElfrClearELFA",
    }),
    "eventlog6": ("f6beaff7-1e19-4fbb-9f8f-b89e2018337c", 1, {
        5: "+EvtRpcRegisterLogQuery", 6: "+EvtRpcClearLog", 7: "+EvtRpcExportLog", 11: "EvtRpcQueryNext",
        18: "EvtRpcPutChannelConfig",
    }),
    "samr": ("12345778-1234-abcd-ef00-0123456789ac", 1, {
        0: "SamrConnect", 1: "SamrCloseHandle", 3: "SamrQuerySecurityObject", 5: "+SamrLookupDomain",
        6: "SamrEnumerateDomains", 7: "SamrOpenDomain",
        8: "SamrQueryInformationDomain", 10: "+SamrCreateGroup", 11: "SamrEnumerateGroups", 12: "+SamrCreateUser",
        13: "SamrEnumerateUsers",
        15: "SamrEnumerateAliases", 16: "SamrGetAliasMembership", 17: "+SamrLookupNames", 18: "SamrLookupIds",
        19: "SamrOpenGroup",
        20: "SamrQueryInformationGroup", 22: "SamrAddMemberToGroup", 25: "SamrGetMembersInGroup", 27: "SamrOpenAlias",
        28: "SamrQueryInformationAlias",
        31: "SamrAddMemberToAlias", 33: "SamrGetMembersInAlias", 34: "SamrOpenUser", 35: "SamrDeleteUser",
        36: "SamrQueryInformationUser",
        37: "SamrSetInformationUser", 38: "SamrChangePasswordUser", 39: "SamrGetGroupsForUser",
        40: "SamrQueryDisplayInformation",
        41: "SamrGetDisplayEnumerationIndex", 44: "SamrGetUserDomainPasswordInformation",
        46: "SamrQueryInformationDomain2",
        47: "SamrQueryInformationUser2", 48: "SamrQueryDisplayInformation2", 50: "+SamrCreateUser2",
        51: "SamrQueryDisplayInformation3",
        55: "SamrUnicodeChangePasswordUser2", 57: "SamrConnect2", 58: "SamrSetInformationUser2", 62: "SamrConnect4",
        64: "SamrConnect5",
    }),
    "lsarpc": ("12345778-1234-abcd-ef00-0123456789ab", 0, _LSA),
    "dssetup": ("3919286a-b10c-11d0-9ba8-00c04fd92ef5", 0, {0: "DsRolerGetPrimaryDomainInformation",
    9: "DsRolerUpgradeDownlevelServer"}),
    "srvsvc": ("4b324fc8-1670-01d3-1278-5a47bf6ee188", 3, {
        8: "NetrConnectionEnum", 9: "NetrFileEnum", 12: "NetrSessionEnum", 13: "NetrSessionDel", 14: "+NetrShareAdd",
        15: "NetrShareEnum",
        16: "+NetrShareGetInfo", 17: "NetrShareSetInfo", 18: "+NetrShareDel", 21: "NetrServerGetInfo",
        23: "NetrServerDiskEnum",
        28: "NetrRemoteTOD", 30: "+NetprPathType", 31: "+NetprPathCanonicalize", 32: "+NetprPathCompare",
        36: "NetrShareEnumSticky",
    }),
    "wkssvc": ("6bffd098-a112-3610-9833-46c3f87e345a", 1, {0: "NetrWkstaGetInfo", 2: "NetrWkstaUserEnum",
    5: "NetrWkstaTransportEnum", 22: "NetrJoinDomain2"}),
    "drsuapi": ("e3514235-4b06-11d1-ab04-00c04fc2dcd2", 4, {
        0: "DRSBind", 1: "DRSUnbind", 2: "DRSReplicaSync", 3: "DRSGetNCChanges", 4: "DRSUpdateRefs",
        5: "DRSReplicaAdd", 6: "DRSReplicaDel",
        8: "DRSVerifyNames", 9: "DRSGetMemberships", 12: "DRSCrackNames", 13: "DRSWriteSPN", 14: "DRSRemoveDsServer",
        16: "DRSDomainControllerInfo",
        17: "DRSAddEntry", 18: "DRSExecuteKCC", 19: "DRSGetReplInfo", 21: "DRSGetMemberships2",
        24: "DRSQuerySitesByCost",
    }),
    "netlogon": ("12345678-1234-abcd-ef00-01234567cffb", 1, {
        2: "NetrLogonSamLogon", 4: "NetrServerReqChallenge", 5: "NetrServerAuthenticate", 6: "NetrServerPasswordSet",
        7: "NetrDatabaseDeltas",
        8: "NetrDatabaseSync", 15: "NetrServerAuthenticate2", 20: "DsrGetDcName", 21: "NetrLogonGetCapabilities",
        26: "NetrServerAuthenticate3",
        29: "NetrLogonGetDomainInfo", 30: "NetrServerPasswordSet2", 31: "NetrServerPasswordGet",
        34: "DsrGetDcNameEx2", 39: "NetrLogonSamLogonEx",
        40: "DsrEnumerateDomainTrusts", 42: "NetrServerTrustPasswordsGet", 45: "NetrLogonSamLogonWithFlags",
    }),
    "spoolss": ("12345678-1234-abcd-ef00-0123456789ab", 1, _SPOOLER),
    "IRemoteWinspool": ("76f03f96-cdfd-44fc-a22c-64950a001209", 1, {
        0: "+RpcAsyncOpenPrinter", 1: "+RpcAsyncAddPrinter", 20: "RpcAsyncClosePrinter", 38: "RpcAsyncEnumPrinters",
        39: "+RpcAsyncAddPrinterDriver",
        58: "RpcSyncRegisterForRemoteNotifications", 62: "+RpcAsyncInstallPrinterDriverFromPackage",
        63: "+RpcAsyncUploadPrinterDriverPackage",
    }),
    "efsrpc": ("c681d488-d850-11d0-8c52-00c04fd90f7e", 1, {
        0: "+EfsRpcOpenFileRaw", 1: "EfsRpcReadFileRaw", 4: "+EfsRpcEncryptFileSrv", 5: "+EfsRpcDecryptFileSrv",
        6: "+EfsRpcQueryUsersOnFile",
        7: "+EfsRpcQueryRecoveryAgents", 8: "+EfsRpcRemoveUsersFromFile", 9: "+EfsRpcAddUsersToFile",
        12: "+EfsRpcFileKeyInfo",
        13: "+EfsRpcDuplicateEncryptionInfoFile", 15: "+EfsRpcAddUsersToFileEx", 16: "+EfsRpcFileKeyInfoEx",
        18: "+EfsRpcGetEncryptedFileMetadata",
        19: "+EfsRpcSetEncryptedFileMetadata", 21: "+EfsRpcEncryptFileExSrv", 22: "+EfsRpcQueryProtectors",
    }),
    "fssagent": ("a8e0653c-2744-4389-a61d-7373df8b2292", 1, {
        0: "GetSupportedVersion", 2: "StartShadowCopySet", 3: "+AddToShadowCopySet", 4: "CommitShadowCopySet",
        8: "+IsPathSupported", 9: "+IsPathShadowCopied",
    }),
    "netdfs": ("4fc742e0-4a10-11cf-8273-00aa004ae673", 3, {
        0: "NetrDfsManagerGetVersion", 1: "+NetrDfsAdd", 2: "+NetrDfsRemove", 4: "NetrDfsGetInfo", 5: "NetrDfsEnum",
        10: "+NetrDfsAddFtRoot",
        11: "+NetrDfsRemoveFtRoot", 12: "+NetrDfsAddStdRoot", 13: "+NetrDfsRemoveStdRoot",
        15: "+NetrDfsAddStdRootForced", 21: "NetrDfsEnumEx",
    }),
    "TermSrvSession": ("484809d6-4239-471b-b5bc-61df8c23ac48", 1, {
        0: "RpcOpenSession", 1: "RpcCloseSession", 2: "RpcConnect", 3: "RpcDisconnect", 4: "RpcLogoff",
        5: "RpcGetUserName", 7: "RpcGetState",
    }),
    "TermSrvEnumeration": ("88143fd0-c28d-4b2b-8fef-8d882f6a9390", 1, {0: "RpcOpenEnum", 1: "RpcCloseEnum",
    5: "RpcGetEnumResult", 9: "RpcGetEnumResultEx", 10: "RpcGetAllSessions", 11: "RpcGetAllSessionsEx"}),
    "SessEnvPublicRpc": ("1257b580-ce2f-4109-82d6-a9459d0bf6bc", 1, {0: "RpcShadow2"}),
    "IcaApi": ("5ca4a760-ebb1-11cf-8611-00a0245420ed", 1, {0: "RpcWinStationOpenServer",
    3: "RpcWinStationEnumerate"}),
    "ICertPassage": ("91ae6020-9e3c-11cf-8d7c-00aa00c091be", 0, {0: "+CertServerRequest"}),
    "ICertRequestD": ("d99e6e70-fc88-11d0-b498-00a0c90312f3", 0, {3: "Request", 4: "GetCACert", 5: "Ping"}),
    "BackupKey": ("3dde7c30-165d-11d1-ab8f-00805f14db40", 1, {0: "BackuprKey"}),
    "dnsserver": ("50abc2a4-574d-40b3-9d66-ee4fd5fba076", 5, {0: "+DnssrvOperation", 1: "+DnssrvQuery",
    5: "+DnssrvOperation2"}),
    "IObjectExporter": ("99fcfec4-5260-101b-bbcb-00aa0021347a", 0,
    {0: "ResolveOxid", 3: "ServerAlive", 4: "ResolveOxid2", 5: "ServerAlive2"}),
    "IActivation": ("4d9f4ab8-7d1c-11cf-861e-0020af6e7c57", 0, {0: "RemoteActivation"}),
    "ISystemActivator": ("000001a0-0000-0000-c000-000000000046", 0,
    {3: "RemoteGetClassObject", 4: "RemoteCreateInstance"}),
    "IRemUnknown": ("00000131-0000-0000-c000-000000000046", 0,
    {3: "RemQueryInterface", 4: "RemAddRef", 5: "RemRelease"}),
    "IRemUnknown2": ("00000143-0000-0000-c000-000000000046", 0,
    {3: "RemQueryInterface", 4: "RemAddRef", 5: "RemRelease", 6: "RemQueryInterface2"}),
    "IClassFactory": ("00000001-0000-0000-c000-000000000046", 0, {3: "CreateInstance"}),
    "IDispatch": ("00020400-0000-0000-c000-000000000046", 0, _DISPATCH),
    "IWbemLevel1Login": ("f309ad18-d86a-11d0-a075-00c04fb68820", 0,
    {3: "EstablishPosition", 4: "RequestChallenge", 5: "WBEMLogin", 6: "+NTLMLogin"}),
    "IWbemLoginClientID": ("d4781cd6-e5d3-44df-ad94-930efe48a887", 0, {3: "SetClientInfo"}),
    "IWbemServices": ("9556dc99-828c-11cf-a37e-00aa003240c7", 0, {
        3: "+OpenNamespace", 6: "+GetObject", 7: "+GetObjectAsync", 8: "PutClass", 10: "+DeleteClass",
        14: "PutInstance", 16: "+DeleteInstance",
        18: "+CreateInstanceEnum", 20: "+ExecQuery", 21: "+ExecQueryAsync", 22: "+ExecNotificationQuery",
        24: "+ExecMethod", 25: "+ExecMethodAsync",
    }),
    "IEnumWbemClassObject": ("027947e1-d731-11ce-a357-000000000001", 0, {4: "Next"}),
    "IWbemFetchSmartEnum": ("1c1c45ee-4395-11d2-b60b-00104b703efd", 0, {3: "GetSmartEnum"}),
}  # fmt: skip
# Pipes that serve a single interface.
_PIPES = {
    "svcctl": "svcctl", "atsvc": "atsvc", "winreg": "winreg", "samr": "samr", "srvsvc": "srvsvc", "wkssvc": "wkssvc",
    "spoolss": "spoolss", "efsrpc": "efsrpc",
    "netdfs": "netdfs", "fssagentrpc": "fssagent", "initshutdown": "initshutdown",
}  # fmt: skip
# COM classes by what they permit a remote client to do.
CLASSES = {
    "49b2791a-b1ae-4c90-9b8e-e860ba07f889": "MMC20.Application", "9ba05972-f6a8-11cf-a442-00a0c90a8f39": "ShellWindows",
    "c08afd90-f2a1-11d1-8455-00a0c91f3880": "ShellBrowserWindow",
    "00024500-0000-0000-c000-000000000046": "Excel.Application",
    "000209ff-0000-0000-c000-000000000046": "Word.Application",
    "0006f03a-0000-0000-c000-000000000046": "Outlook.Application",
    "91493441-5a91-11cf-8700-00aa0060263b": "PowerPoint.Application",
    "00021a20-0000-0000-c000-000000000046": "Visio.Application",
    "73fddc80-aea9-101a-98a7-00aa00374959": "Access.Application",
    "0002df01-0000-0000-c000-000000000046": "InternetExplorer.Application",
    "3050f4d8-98b5-11cf-bb82-00aa00bdce0b": "htafile", "72c24dd5-d70a-438b-8a42-98424b88afb8": "WScript.Shell",
    "13709620-c279-11ce-a49e-444553540000": "Shell.Application",
    "06622d85-6856-4460-8de1-a81921b41c4b": "OpenControlPanel",
    "8bc3f05e-d86b-11d0-a075-00c04fb68820": "WbemLevel1Login", "0f87369f-a4e5-4cfc-bd3e-73e6154572dd": "TaskScheduler",
}  # fmt: skip


def _made(name: str, calls: dict[int, str]) -> Interface:
    return Interface(
        name,
        {number: call.lstrip("+") for number, call in calls.items()},
        frozenset(n for n, call in calls.items() if call.startswith("+")),
    )


INTERFACES = {name: _made(name, calls) for name, (_, _, calls) in _TABLE.items()}
# File encryption has a separate id on the pipe efsrpc ([MS-EFSR] 2.1).
_OTHER_IDS = {"df1941c5-fe89-4e79-bf10-463657acf44d": ("efsrpc", 1)}
_BY_ID = {(uuid.UUID(id_).bytes, major): INTERFACES[name] for name, (id_, major, _) in _TABLE.items()} | {
    (uuid.UUID(id_).bytes, major): INTERFACES[name] for id_, (name, major) in _OTHER_IDS.items()
}
_PIPED = {pipe: INTERFACES[name] for pipe, name in _PIPES.items()}


def interface(raw: bytes, major: int, *, big: bool = False) -> Interface:
    """The interface with an id from the wire; an unknown one is named by its id."""
    number = uuid.UUID(bytes=raw) if big else uuid.UUID(bytes_le=raw)
    return _BY_ID.get((number.bytes, major)) or Interface(f"{number}v{major}")


def of_pipe(pipe: str) -> Interface:
    """The interface of a pipe if it is certain, otherwise UNKNOWN."""
    return _PIPED.get(pipe.lower().removeprefix("pipe\\"), UNKNOWN)


def class_name(raw: bytes) -> str:
    """The name of a COM class, or its id."""
    text = str(uuid.UUID(bytes_le=raw))
    return CLASSES.get(text, text)

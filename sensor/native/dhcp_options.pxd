# DHCP (RFC 2131): offsets in a message, message types and option numbers (RFC 2132).

cdef enum:
    MAGIC = 0x63825363
    MAGIC_AT = 236
    OPTIONS_AT = 240
    BOOT_FILE = 108
    BOOT_FILE_SIZE = 128
    BOOTREQUEST = 1
    BOOTREPLY = 2
    ETHERNET = 1
    NAME_LIMIT = 255
    HEX_LIMIT = 512
    ARCHITECTURES_LIMIT = 64
    # Message types (RFC 2132, 9.6).
    BOOTP = 0
    OFFER = 2
    REQUEST = 3
    ACK = 5
    INFORM = 8
    FROM_SERVERS = 1 << 2 | 1 << 5 | 1 << 6
    FROM_CLIENTS = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 7 | 1 << 8
    HOLDS_ADDRESS = 1 << 0 | 1 << 3 | 1 << 8
    # Options by number.
    NETMASK = 1
    GATEWAYS = 3
    DNS = 6
    HOSTNAME = 12
    DOMAIN = 15
    VENDOR_SPECIFIC = 43
    REQUESTED = 50
    LEASE = 51
    OVERLOAD = 52
    TYPE = 53
    SERVER = 54
    PARAMETER_LIST = 55
    MESSAGE_SIZE = 57
    VENDOR_CLASS = 60
    CLIENT_ID = 61
    BOOT_HOST = 66
    BOOT_NAME = 67
    USER_CLASS = 77
    FQDN = 81
    RELAY_AGENT = 82
    ARCHITECTURE = 93
    UUID = 97
    VENDOR_IDENTIFYING_CLASS = 124
    VENDOR_IDENTIFYING = 125
    TFTP = 150
    MUD_URL = 161
    PROXY_URL = 252
    END = 255

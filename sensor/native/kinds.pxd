# Numbers of event classes and of their fields' slots. Made by `python -m sensor.native.layout` from the classes; do not edit.
cdef enum:
    DNS_QUERY = 0
    DNS_RESPONSE = 1
    FACT_DNS_QUERY = 0
    FACT_DNS_ROLE = 1
    DNS_QUERY_ID = 0
    DNS_QUERY_NAME = 1
    DNS_QUERY_TYPE = 2
    DNS_QUERY_OPERATION = 3
    DNS_QUERY_RECURSION = 4
    DNS_QUERY_SLOTS = 5
    DNS_RESPONSE_ID = 0
    DNS_RESPONSE_NAME = 1
    DNS_RESPONSE_TYPE = 2
    DNS_RESPONSE_RCODE = 3
    DNS_RESPONSE_TRUNCATED = 4
    DNS_RESPONSE_ANSWERS = 5
    DNS_RESPONSE_SLOTS = 6
    RECORD_NAME = 0
    RECORD_TYPE = 1
    RECORD_TTL = 2
    RECORD_SIZE = 3
    RECORD_ADDRESS = 4
    RECORD_VALUE = 6
    RECORD_PORT = 7
    RECORD_DATA = 8
    RECORD_SLOTS = 9

"""All metrics: name, description, and path of the value in the status of a sensor.

Names are ``sensor_<thing>_<unit>``, with ``_total`` for counters; those of the process are the names that all
Prometheus clients share. A released name or label never changes. Counters restart with the process.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Metric(NamedTuple):
    """``path``: keys that lead to the value in the status; a ``*`` is any key, which becomes the value of the next
    label. For ``info`` the value is 1, and the labels are the keys at the path.
    """

    name: str
    type: Literal["counter", "gauge", "info"]
    unit: str
    help: str
    path: str
    labels: tuple[str, ...] = ()


METRICS = (
    Metric("sensor_info", "info", "", "Identity and versions of this sensor.", "sensor",
    ("id", "site", "version", "python")),
    Metric("sensor_status_timestamp_seconds", "gauge", "seconds since the epoch", (
        "Time of the last update by the engine, once a "
        "second."
    ), "ts"),
    # Packets.
    Metric("sensor_packets_total", "counter", "packets", "Packets analyzed.", "interfaces.*.packets",
    ("interface",)),
    Metric("sensor_packets_dropped_total", "counter", "packets", (
        "Packets dropped before analysis, as counted by the kernel."
    ), "interfaces.*.dropped",
        ("interface",)),
    Metric("sensor_interface_returns_total", "counter", "times", (
        "Times an interface disappeared and returned."
    ), "interfaces.*.returns", ("interface",)),
    Metric("sensor_captured_bytes_total", "counter", "bytes", "Captured bytes of the analyzed packets.",
    "traffic.bytes"),
    Metric("sensor_wire_bytes_total", "counter", "bytes", "Bytes of these packets on the wire.",
    "traffic.wire_bytes"),
    Metric("sensor_packets_truncated_total", "counter", "packets", (
        "Packets that were truncated by the capture."
    ), "traffic.truncated"),
    Metric("sensor_packets_malformed_total", "counter", "packets", "Packets with invalid headers.",
    "traffic.malformed"),
    Metric("sensor_packets_selected_total", "counter", "packets", "Packets that a dissector parsed.",
    "traffic.selected"),
    Metric("sensor_packets_repeated_total", "counter", "packets", (
        "Packets that repeat a recent payload of the same sender; only their time is used."
    ),
        "traffic.repeats"),
    Metric("sensor_messages_shed_total", "counter", "packets", (
        "Packets whose messages were not parsed under load (shed)."
    ), "traffic.shed"),
    Metric("sensor_capture_backlog_ratio", "gauge", "share, 0 to 1", "Fill level of the fullest ring.",
    "traffic.backlog"),
    Metric("sensor_capture_ring_bytes", "gauge", "bytes", (
        "Memory of the rings, part of the resident memory of the process."
    ), "traffic.ring_bytes"),
    # Flows and tables.
    Metric("sensor_flows_total", "counter", "flows", "Flows started.", "flows.opened"),
    Metric("sensor_flows_open", "gauge", "flows", "Flows in the table.", "flows.open"),
    Metric("sensor_evictions_total", "counter", "entries", (
        "Entries evicted from a table of fixed size."
    ), "evicted.*", ("table",)),
    # Messages, findings and inventory.
    Metric("sensor_messages_malformed_total", "counter", "messages", "Malformed messages, by protocol.",
    "malformed.*", ("dissector",)),
    Metric("sensor_unit_faults_total", "counter", "faults", (
        "Internal errors of dissectors and detectors."
    ), "faults.*", ("unit",)),
    Metric("sensor_devices", "gauge", "devices", "Devices in the inventory.", "devices.by_type.*", ("type",)),
    Metric("sensor_devices_pending", "gauge", "devices", (
        "New senders without sufficient evidence for a device yet."
    ), "devices.pending"),
    Metric("sensor_observations_unattributed_total", "counter", "observations", (
        "Observations without a device."
    ), "devices.unattributed"),
    Metric("sensor_observations_refused_total", "counter", "observations", (
        "Observations about new senders in a flood, which were ignored."
    ), "devices.dropped"),
    Metric("sensor_records_total", "counter", "records", "Events written to the log.", "records.*", ("kind",)),
    Metric("sensor_alerts_total", "counter", "alerts", "Alerts opened.", "alerts.opened.*", ("severity",)),
    Metric("sensor_alerts_open", "gauge", "alerts", "Open alerts.", "alerts.open.*", ("severity",)),
    Metric("sensor_incidents_open", "gauge", "incidents", "Open incidents.", "alerts.incidents"),
    Metric("sensor_findings_folded_total", "counter", "findings", (
        "Repeated findings, which increased the count of an alert."
    ), "alerts.folded"),
    Metric("sensor_findings_muted_total", "counter", "findings", (
        "Findings suppressed by mutes."
    ), "alerts.muted"),
    Metric("sensor_findings_below_total", "counter", "findings", "Alerts below the minimum severity.", "alerts.below"),
    Metric("sensor_findings_dropped_total", "counter", "findings", "Findings above the limit for one packet.",
    "alerts.dropped"),
    Metric("sensor_evidence_dropped_total", "counter", "packets", (
        "Packets of alerts that could not be written."
    ), "evidence.dropped"),
    Metric("sensor_traffic_records_dropped_total", "counter", "rows", (
        "Rows of traffic records that were not written because the disk was full or too slow."
    ), "traffic_records.dropped"),
    # The event log.
    Metric("sensor_log_records_total", "counter", "records", "Records of this run that are written to disk.",
    "log.written"),
    Metric("sensor_log_given_up_total", "counter", "records", (
        "Records dropped because the disk was not writable."
    ), "log.given_up.*", ("kind",)),
    Metric("sensor_log_shortened_total", "counter", "records", (
        "Records removed by the hard limit before every output received them."
    ), "log.shortened"),
    Metric("sensor_log_waiting_bytes", "gauge", "bytes", "Data in memory that is not written to disk yet.",
    "log.waiting_bytes"),
    Metric("sensor_log_stalled", "gauge", "0 or 1", "Whether the disk is not writable now.", "log.stalled"),
    Metric("sensor_log_bytes", "gauge", "bytes", "Size of the event log on disk.", "log.bytes"),
    Metric("sensor_log_segments", "gauge", "files", "Segments of the event log.", "log.segments"),
    Metric("sensor_log_oldest_timestamp_seconds", "gauge", "seconds since the epoch", (
        "Time of the oldest record of the event log."
    ), "log.oldest"),
    # Outputs, as `sensor forward` reports them.
    Metric("sensor_output_pending", "gauge", "records", "Records pending for an output.", "outputs.*.pending",
    ("output",)),
    Metric("sensor_output_delivered_total", "counter", "records", "Records delivered by an output.",
    "outputs.*.delivered", ("output",)),
    Metric("sensor_output_filtered_total", "counter", "records", "Records that the filter of an output excludes.",
    "outputs.*.filtered", ("output",)),
    Metric("sensor_output_refused_total", "counter", "records", (
        "Records that a destination rejected, stored beside the log."
    ), "outputs.*.refused", ("output",)),
    Metric("sensor_output_missing_total", "counter", "records", (
        "Records that were removed before an output received them."
    ), "outputs.*.missing", ("output",)),
    Metric("sensor_output_stalled_seconds", "gauge", "seconds", (
        "Time without delivery while records are pending."
    ), "outputs.*.stalled_s", ("output",)),
    Metric("sensor_output_delivered_timestamp_seconds", "gauge", "seconds since the epoch", (
        "Time of the last delivery of an output; 0: never."
    ),
        "outputs.*.last_delivered", ("output",)),
    # Threat lists and rules of the operator.
    Metric("sensor_intel_entries", "gauge", "entries", (
        "Entries of all threat lists; entries on several lists count once."
    ), "intel.entries"),
    Metric("sensor_intel_list_entries", "gauge", "entries", "Entries of a threat list.", "intel.lists.*.entries",
    ("list",)),
    Metric("sensor_intel_list_timestamp_seconds", "gauge", "seconds since the epoch", (
        "Time when the file of a threat list was written."
    ), "intel.lists.*.written",
        ("list",)),
    Metric("sensor_intel_lines_left_out", "gauge", "lines", "Invalid lines of threat lists.",
    "intel.left_out"),
    Metric("sensor_intel_lists_unread", "gauge", "lists", (
        "Threat lists that could not be loaded."
    ), "intel.unread"),
    Metric("sensor_rules", "gauge", "rules", "Custom rules in use.", "rules.used"),
    Metric("sensor_rules_faults", "gauge", "faults", "Faults in custom rules, which are skipped.",
    "rules.faults"),
    # The health of the sensor itself.
    Metric("sensor_health_findings_total", "counter", "findings", "Health findings of the sensor.",
    "health.reported.*", ("check",)),
    Metric("sensor_health_lasting_timestamp_seconds", "gauge", "seconds since the epoch", (
        "Start of a persistent fault of the sensor."
    ),
        "health.lasting.*.since", ("finding",)),
    Metric("process_cpu_seconds_total", "counter", "seconds", "CPU time of all threads.",
    "process.cpu_s"),
    Metric("process_resident_memory_bytes", "gauge", "bytes", "Resident memory of the process.",
    "process.memory_bytes"),
    Metric("process_open_fds", "gauge", "descriptors", "Open file descriptors.", "process.descriptors"),
    Metric("process_max_fds", "gauge", "descriptors", "Maximum number of open file descriptors.",
    "process.descriptors_limit"),
    Metric("process_threads", "gauge", "threads", "Threads of the process.", "process.threads"),
    Metric("process_start_time_seconds", "gauge", "seconds since the epoch", "Start time of the process.", "began"),
)  # fmt: skip

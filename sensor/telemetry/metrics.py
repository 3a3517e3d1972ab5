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
    Metric("sensor_info", "info", "", "Who this sensor is, and its versions.", "sensor",
    ("id", "site", "version", "python")),
    Metric("sensor_status_timestamp_seconds", "gauge", "seconds since the epoch", (
        "Time of the last update by the engine, once a "
        "second."
    ), "ts"),
    # Packets.
    Metric("sensor_packets_total", "counter", "packets", "Packets that were read.", "interfaces.*.packets",
    ("interface",)),
    Metric("sensor_packets_dropped_total", "counter", "packets", (
        "Packets lost before they were read, as the kernel counts "
        "them."
    ), "interfaces.*.dropped",
        ("interface",)),
    Metric("sensor_interface_returns_total", "counter", "times", (
        "How often an interface was gone and came "
        "back."
    ), "interfaces.*.returns", ("interface",)),
    Metric("sensor_captured_bytes_total", "counter", "bytes", "Bytes of the packets that were read.", "traffic.bytes"),
    Metric("sensor_wire_bytes_total", "counter", "bytes", "Bytes that these packets had on the wire.",
    "traffic.wire_bytes"),
    Metric("sensor_packets_truncated_total", "counter", "packets", (
        "Packets of which only the beginning was "
        "captured."
    ), "traffic.truncated"),
    Metric("sensor_packets_malformed_total", "counter", "packets", "Packets with broken headers.", "traffic.malformed"),
    Metric("sensor_packets_selected_total", "counter", "packets", "Packets that a dissector looked at.",
    "traffic.selected"),
    Metric("sensor_packets_repeated_total", "counter", "packets", (
        "Packets with a payload that the same sender sent shortly "
        "before; only their time is used."
    ),
        "traffic.repeats"),
    Metric("sensor_messages_shed_total", "counter", "packets", (
        "Packets whose message there was no time to "
        "read."
    ), "traffic.shed"),
    Metric("sensor_capture_backlog_ratio", "gauge", "share, 0 to 1", "How full the fullest ring is.",
    "traffic.backlog"),
    Metric("sensor_capture_ring_bytes", "gauge", "bytes", (
        "Memory of the rings, which counts as resident memory of "
        "the process."
    ), "traffic.ring_bytes"),
    # Flows and tables.
    Metric("sensor_flows_total", "counter", "flows", "Flows that were seen to begin.", "flows.opened"),
    Metric("sensor_flows_open", "gauge", "flows", "Flows in the table.", "flows.open"),
    Metric("sensor_evictions_total", "counter", "entries", (
        "Entries that had to make room in a table of fixed "
        "size."
    ), "evicted.*", ("table",)),
    # Messages, findings and inventory.
    Metric("sensor_messages_malformed_total", "counter", "messages", "Messages that violate their protocol.",
    "malformed.*", ("dissector",)),
    Metric("sensor_unit_faults_total", "counter", "faults", (
        "Times that a dissector or a detector of ours "
        "broke."
    ), "faults.*", ("unit",)),
    Metric("sensor_devices", "gauge", "devices", "Devices in the inventory.", "devices.by_type.*", ("type",)),
    Metric("sensor_devices_pending", "gauge", "devices", (
        "Newcomers that have not shown enough yet to be a "
        "device."
    ), "devices.pending"),
    Metric("sensor_observations_unattributed_total", "counter", "observations", (
        "Facts that were about no "
        "device."
    ), "devices.unattributed"),
    Metric("sensor_observations_refused_total", "counter", "observations", (
        "Facts about newcomers in a flood, which were not "
        "taken."
    ), "devices.dropped"),
    Metric("sensor_records_total", "counter", "records", "Events written to the log.", "records.*", ("kind",)),
    Metric("sensor_alerts_total", "counter", "alerts", "Alerts that were opened.", "alerts.opened.*", ("severity",)),
    Metric("sensor_alerts_open", "gauge", "alerts", "Alerts that are open.", "alerts.open.*", ("severity",)),
    Metric("sensor_incidents_open", "gauge", "incidents", "Incidents that are open.", "alerts.incidents"),
    Metric("sensor_findings_folded_total", "counter", "findings", (
        "Repeats, which raised the count of an "
        "alert."
    ), "alerts.folded"),
    Metric("sensor_findings_muted_total", "counter", "findings", (
        "Findings that the operator wants no alerts "
        "of."
    ), "alerts.muted"),
    Metric("sensor_findings_below_total", "counter", "findings", "Alerts below the minimum severity.", "alerts.below"),
    Metric("sensor_findings_dropped_total", "counter", "findings", "Findings beyond the bound of one packet.",
    "alerts.dropped"),
    Metric("sensor_evidence_dropped_total", "counter", "packets", (
        "Packets of alerts that could not be written "
        "down."
    ), "evidence.dropped"),
    # The event log.
    Metric("sensor_log_records_total", "counter", "records", "Records of this run that are on the disk.",
    "log.written"),
    Metric("sensor_log_given_up_total", "counter", "records", (
        "Records that were given up because the disk took "
        "nothing."
    ), "log.given_up.*", ("kind",)),
    Metric("sensor_log_shortened_total", "counter", "records", (
        "Records taken away by the hard limit before every output "
        "had them."
    ), "log.shortened"),
    Metric("sensor_log_waiting_bytes", "gauge", "bytes", "What waits in memory for the disk.", "log.waiting_bytes"),
    Metric("sensor_log_stalled", "gauge", "0 or 1", "Whether the disk takes nothing now.", "log.stalled"),
    Metric("sensor_log_bytes", "gauge", "bytes", "The event log on the disk.", "log.bytes"),
    Metric("sensor_log_segments", "gauge", "files", "The segments of the event log.", "log.segments"),
    Metric("sensor_log_oldest_timestamp_seconds", "gauge", "seconds since the epoch", (
        "The oldest record of the event "
        "log."
    ), "log.oldest"),
    # Outputs, as `sensor forward` reports them.
    Metric("sensor_output_pending", "gauge", "records", "Records that wait for an output.", "outputs.*.pending",
    ("output",)),
    Metric("sensor_output_delivered_total", "counter", "records", "Records that an output took.",
    "outputs.*.delivered", ("output",)),
    Metric("sensor_output_filtered_total", "counter", "records", "Records that are not for this output.",
    "outputs.*.filtered", ("output",)),
    Metric("sensor_output_refused_total", "counter", "records", (
        "Records that an output refused, kept beside the "
        "log."
    ), "outputs.*.refused", ("output",)),
    Metric("sensor_output_missing_total", "counter", "records", (
        "Records that were gone before an output had "
        "them."
    ), "outputs.*.missing", ("output",)),
    Metric("sensor_output_stalled_seconds", "gauge", "seconds", (
        "How long an output took nothing though something "
        "waits."
    ), "outputs.*.stalled_s", ("output",)),
    Metric("sensor_output_delivered_timestamp_seconds", "gauge", "seconds since the epoch", (
        "When an output took a record last; 0: "
        "never."
    ),
        "outputs.*.last_delivered", ("output",)),
    # Threat lists and rules of the operator.
    Metric("sensor_intel_entries", "gauge", "entries", (
        "Entries of all threat lists, those that several name "
        "counted once."
    ), "intel.entries"),
    Metric("sensor_intel_list_entries", "gauge", "entries", "Entries of a threat list.", "intel.lists.*.entries",
    ("list",)),
    Metric("sensor_intel_list_timestamp_seconds", "gauge", "seconds since the epoch", (
        "When the file of a threat list was "
        "written."
    ), "intel.lists.*.written",
        ("list",)),
    Metric("sensor_intel_lines_left_out", "gauge", "lines", "Lines of threat lists that could not be read.",
    "intel.left_out"),
    Metric("sensor_intel_lists_unread", "gauge", "lists", (
        "Threat lists that could not be read when the sensor "
        "started."
    ), "intel.unread"),
    Metric("sensor_rules", "gauge", "rules", "Rules of the operator's that are in use.", "rules.used"),
    Metric("sensor_rules_faults", "gauge", "faults", "Faults in rules of the operator's, which are left out.",
    "rules.faults"),
    # The health of the sensor itself.
    Metric("sensor_health_findings_total", "counter", "findings", "Health findings about the sensor itself.",
    "health.told.*", ("check",)),
    Metric("sensor_health_lasting_timestamp_seconds", "gauge", "seconds since the epoch", (
        "Since when something lasts that is wrong with the sensor "
        "itself."
    ),
        "health.lasting.*.since", ("finding",)),
    Metric("process_cpu_seconds_total", "counter", "seconds", "Time on the processor, of all threads.",
    "process.cpu_s"),
    Metric("process_resident_memory_bytes", "gauge", "bytes", "Memory of the process.", "process.memory_bytes"),
    Metric("process_open_fds", "gauge", "descriptors", "Files and sockets that are open.", "process.descriptors"),
    Metric("process_max_fds", "gauge", "descriptors", "Files and sockets that may be open.",
    "process.descriptors_limit"),
    Metric("process_threads", "gauge", "threads", "Threads of the process.", "process.threads"),
    Metric("process_start_time_seconds", "gauge", "seconds since the epoch", "When the process began.", "began"),
)  # fmt: skip

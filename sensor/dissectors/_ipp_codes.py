"""Operations of IPP (RFC 8011, 5.4.15; IANA IPP registrations) and of CUPS: data for the dissector of IPP."""

from __future__ import annotations

_STANDARD = (
    "print_job", "print_uri", "validate_job", "create_job", "send_document", "send_uri", "cancel_job",
    "get_job_attributes", "get_jobs", "get_printer_attributes", "hold_job", "release_job", "restart_job", "",
    "pause_printer", "resume_printer", "purge_jobs", "set_printer_attributes", "set_job_attributes",
    "get_printer_supported_values", "create_printer_subscriptions", "create_job_subscriptions",
    "get_subscription_attributes", "get_subscriptions", "renew_subscription", "cancel_subscription",
    "get_notifications",
)  # fmt: skip
_CUPS = (
    "cups_get_default", "cups_get_printers", "cups_add_modify_printer", "cups_delete_printer", "cups_get_classes",
    "cups_add_modify_class", "cups_delete_class", "cups_accept_jobs", "cups_reject_jobs", "cups_set_default",
    "cups_get_devices", "cups_get_ppds", "cups_move_job", "cups_authenticate_job", "cups_get_ppd",
)  # fmt: skip
_LATER = {
    0x0022: "enable_printer", 0x0023: "disable_printer", 0x0024: "pause_printer_after_current_job",
    0x0025: "hold_new_jobs", 0x0028: "deactivate_printer", 0x0029: "activate_printer", 0x002A: "restart_printer",
    0x002B: "shutdown_printer", 0x002C: "startup_printer", 0x002D: "reprocess_job", 0x0033: "cancel_document",
    0x0034: "get_document_attributes", 0x0038: "cancel_jobs", 0x0039: "cancel_my_jobs", 0x003A: "resubmit_job",
    0x003B: "close_job", 0x003C: "identify_printer", 0x003D: "validate_document", 0x4027: "cups_get_document",
    0x4028: "cups_create_local_printer",
}  # fmt: skip
OPERATIONS = {
    number: name
    for first, names in ((0x0002, _STANDARD), (0x4001, _CUPS))
    for number, name in enumerate(names, first)
    if name
} | _LATER

"""The keys a log line may have. A value under any other key is withheld.

A key stands here when none of its values can tell who a patient is: row ids, counts, times taken,
states, names from the settings and the rules, and network addresses of peers. There is none for
names, identifiers, dates, descriptions or UIDs, and there never will be.
"""

from __future__ import annotations

# What a line is about, by row id or by a name out of the configuration.
SUBJECTS = {
    "account", "association", "attempt", "decision", "delivery", "destination", "instance", "job",
    "output", "peer", "pipeline", "revision", "row", "rule", "series", "slot", "study", "subject",
}  # fmt: skip

# What happened to it.
OUTCOMES = {
    "action", "code", "error", "from_state", "kind", "level", "outcome", "progress", "reason",
    "status", "state", "to_state", "verdict", "warning", "where", "at", "module", "withheld",
}  # fmt: skip

# How much and how long.
FIGURES = {
    "accepted", "associations", "attempts", "bytes", "count", "days", "deliveries", "events",
    "expected", "failed", "files", "found", "free_mb", "instances", "jobs", "limit", "mb",
    "outputs", "pending", "priority", "received", "refused", "repeated", "reserve_mb", "retry_in_s",
    "rows", "rules", "seconds", "sent", "seq", "skipped", "slots", "stored", "studies", "timeout_s",
}  # fmt: skip

# The node's own surroundings.
SURROUNDINGS = {
    "address", "called_aet", "calling_aet", "database", "device", "duty", "exit_code", "file",
    "folder", "host", "method", "name", "pid", "policy", "port", "receiver", "role", "signal",
    "sop_class", "transfer_syntax", "url", "version", "worker",
}  # fmt: skip

ALLOWED = frozenset(SUBJECTS | OUTCOMES | FIGURES | SURROUNDINGS)

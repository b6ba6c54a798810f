"""The page's words for states: a label, a sentence, and a tone that the style sheet colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from storage.db.queries.views import Standing

Tone = Literal["good", "busy", "wait", "warn", "bad", "quiet"]


class Word(NamedTuple):
    """How a state is shown."""

    label: str
    tone: Tone
    meaning: str = ""


STUDY = {
    "receiving": Word("Receiving", "busy", "instances may still arrive"),
    "settled": Word("Complete", "wait", "everything has arrived; the rules come next"),
    "routed": Word("Decided", "good", "the rules have chosen pipelines"),
    "unmatched": Word("No pipeline", "quiet", "no rule sends any of its series to a pipeline"),
    "quarantined": Word(
        "Quarantined", "bad", "it contradicts what is kept already; a person has to look at it"
    ),
    "purged": Word("Removed", "quiet", "its files are no longer kept"),
}
JOB = {
    "queued": Word("Waiting", "wait", "waits for its turn or for its next try"),
    "running": Word("Running", "busy", "a pipeline works on it"),
    "succeeded": Word("Succeeded", "good", "results were made"),
    "refused": Word("Refused", "warn", "the pipeline declined the images and said why"),
    "failed": Word("Failed", "bad", "it broke after all its tries"),
    "cancelled": Word("Cancelled", "quiet", "stopped by a person, or outdated by newer images"),
}
DELIVERY = {
    "queued": Word("Waiting", "wait", "waits for its turn or for its next try"),
    "held": Word(
        "Held", "bad", "the objects have errors of their own; send them all the same or give it up"
    ),
    "sending": Word("Sending", "busy", "is on its way"),
    "sent": Word("Delivered", "good", "the destination has accepted every object"),
    "committed": Word("Delivered, committed", "good", "the destination has promised to keep it"),
    "failed": Word("Failed", "bad", "the node has given up; resend it when the cause is gone"),
    "cancelled": Word("Cancelled", "quiet", "will not be sent"),
}
DISK = {
    "ok": Word("Enough room", "good", "jobs run and studies are received"),
    "low": Word("The disk runs low", "warn", "everything goes on; make room soon"),
    "tight": Word(
        "The disk is nearly full", "warn", "jobs wait until there is room; studies are received"
    ),
    "full": Word(
        "The disk is full", "bad", "nothing more is received and jobs wait until there is room"
    ),
}
"""Steps of the ladder of `dicom_node.observe.health`."""
OUTCOMES = {
    0: Word("Success", "good"),
    4: Word("Failed", "warn"),
    8: Word("Serious failure", "bad"),
    12: Word("Major failure", "bad"),
}
EVENTS = {
    "110100": "Application started or stopped",
    "110101": "Audit trail used",
    "110102": "Instances about to be transferred",
    "110103": "Instances accessed",
    "110104": "Instances transferred",
    "110105": "Study deleted",
    "110106": "Export",
    "110107": "Import",
    "110108": "Network entry",
    "110112": "Query",
    "110113": "Security alert",
    "110114": "User authentication",
}
"""EventID of PS3.15 A.5, DCM codes."""
EVENT_TYPES = {
    "110120": "start", "110121": "stop", "110122": "login", "110123": "logout",
    "110136": "roles changed", "110137": "account changed",
}  # fmt: skip
ACTIONS = {"C": "create", "R": "read", "U": "update", "D": "delete", "E": "execute"}
KINDS = {
    "enhanced": "enhanced images", "seg": "segmentation", "segment": "single segments",
    "labelmap": "label map", "sr": "measurement report", "pm": "parametric maps",
    "gsps": "presentation state", "ko": "key objects", "sc": "secondary captures",
    "rtstruct": "RT structure set",
}  # fmt: skip
OBJECTS = {
    "enhanced": "image", "seg": "segmentation object", "segment": "single segment object",
    "labelmap": "label map", "sr": "measurement report", "pm": "parametric map",
    "gsps": "presentation state", "ko": "key object document", "sc": "secondary capture",
    "rtstruct": "RT structure set",
}  # fmt: skip
PRIORITIES = {100: "STAT", 50: "urgent"}
PICTURES = {
    "source": "Source",
    "enhanced": "Enhanced",
    "difference": "Difference",
    "overlay": "Segmentation",
}
SAID = {
    "rerun": "The job is queued again.",
    "cancelled": "The job is cancelled.",
    "resent": "The delivery is queued again.",
    "given-up": "The delivery is cancelled.",
    "password-changed": "The password is changed. Please log in with it.",
    "moved-on": "Nothing was changed: it has moved on meanwhile. This is how it is now.",
    "account-made": "The account is made.",
    "account-changed": "The account is changed.",
    "logged-out": "You are logged out.",
    "timed-out": "Please log in.",
}
"""What a page says at its top after an order; the URL carries the key alone."""


def word_for(words: dict[str, Word], state: str) -> Word:
    """The state's word; a state that has none is shown as it is."""
    return words.get(state, Word(state, "quiet"))


def standing_word(standing: Standing) -> Word:
    """One word for how far a study has come, jobs and deliveries included: the first that fits."""
    state, jobs, deliveries = standing.state, standing.jobs, standing.deliveries
    own = word_for(STUDY, state)
    told = (
        (state in ("quarantined", "purged"), own),
        (
            jobs.get("failed") or deliveries.get("failed") or deliveries.get("held"),
            Word("Needs attention", "bad", "a job or a delivery has failed or is held"),
        ),
        (state in ("receiving", "settled"), own),
        (jobs.get("running"), Word("Working", "busy", "a pipeline works on it")),
        (jobs.get("queued"), Word("Waiting", "wait", "its jobs wait for their turn")),
        (
            deliveries.get("queued") or deliveries.get("sending"),
            Word("Delivering", "busy", "results are on their way"),
        ),
        (jobs.get("succeeded"), Word("Done", "good", "all that was made is delivered")),
        (
            jobs.get("refused"),
            Word("Refused", "warn", "the pipelines declined its images and said why"),
        ),
        (jobs.get("cancelled"), Word("Cancelled", "quiet", "its jobs were stopped")),
    )
    return next((word for holds, word in told if holds), own)

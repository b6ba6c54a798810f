"""What a destination gets of a job's results by its profile, and what is left out. Pure.

A segmentation is made in several forms that show the same, each with its report: a destination
takes one of them. Where more than one would do, the next is for a peer that declines the first.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dicom_node.config import ProfileSection
    from dicom_node.net.scu import OutgoingFile

FORMS = ("seg", "labelmap", "segment")
"""The kinds of objects that show a segmentation; reports name one of them."""
PICTURES = "sc"
_NAMES = {
    "enhanced": ("image", "images"),
    "seg": ("segmentation", "segmentations"),
    "segment": ("segmentation of a single segment", "segmentations of a single segment"),
    "labelmap": ("label map", "label maps"),
    "sr": ("report", "reports"),
    "pm": ("parametric map", "parametric maps"),
    "gsps": ("presentation state", "presentation states"),
    "ko": ("key object document", "key object documents"),
    "sc": ("secondary capture", "secondary captures"),
    "rtstruct": ("RT structure set", "RT structure sets"),
}


@dataclass(frozen=True, slots=True)
class Made:
    """One result, as the choice needs it.

    Attributes
    ----------
    frames : int
        Its Number of Frames.
    names : str
        Of a report, the kind of segmentation that it refers to; else empty.
    """

    file: OutgoingFile
    kind: str
    frames: int = 1
    names: str = ""

    @property
    def form(self) -> str:
        """The form of segmentation that it is or refers to; empty of all else."""
        return self.kind if self.kind in FORMS else self.names


@dataclass(frozen=True, slots=True)
class Way:
    """One way to deliver the results.

    Attributes
    ----------
    form : str
        The kind of segmentation in it, ``sc`` where pictures stand for it, or empty.
    files : tuple of OutgoingFile
        In the order they were made, so that a report follows what it refers to.
    left_out : str
        What is not among them, in words without values of the patient; empty where all is.
    """

    form: str
    files: tuple[OutgoingFile, ...]
    left_out: str

    @property
    def shown_as(self) -> str:
        """The form in words."""
        return _NAMES[self.form][1] if self.form else "no segmentation"


def select(made: Sequence[Made], profile: ProfileSection) -> list[Way]:
    """The ways to deliver the results, the best first; there is at least one.

    First come forms of the segmentation that fit whole, then pictures of it, then what fits of it.
    """
    whole, partly = [], []
    for form in _forms(made, profile):
        objects = [one for one in made if one.kind == form and _is_taken(one, profile)]
        if objects and all(_fits(one, profile) for one in objects):
            whole.append(form)
        elif any(_fits(one, profile) for one in objects):
            partly.append(form)
    kinds = {one.kind for one in made}
    is_pictured = profile.sc_fallback and PICTURES in kinds and not kinds.isdisjoint(FORMS)
    forms = [*whole, *([PICTURES] if is_pictured else []), *partly]
    return [_way(made, profile, form) for form in forms or [""]]


def _forms(made: Sequence[Made], profile: ProfileSection) -> list[str]:
    """The forms that the profile takes, the preferred first; BINARY split where it is too large."""
    is_large = any(one.kind == "seg" and not _fits(one, profile) for one in made)
    binary = "segment" if profile.split_segments or is_large else "seg"
    return [binary if kind == "seg" else kind for kind in profile.kinds if kind in FORMS]


def _way(made: Sequence[Made], profile: ProfileSection, form: str) -> Way:
    named = form if form in FORMS else "seg"
    wanted = [one for one in made if _is_wanted(one, profile, form, named)]
    files = tuple(one.file for one in wanted if _fits(one, profile))
    if not files:
        return Way(form, (), _counted(made))
    # The same in another form is not left out.
    others = [one for one in made if one not in wanted and one.form in ("", named)]
    said = [_counted(others)] if others else []
    if beyond := [one for one in wanted if not _fits(one, profile)]:
        said.append(f"{_counted(beyond)} of more than {profile.max_frames:,} frames")
    return Way(form, files, ", ".join(said))


def _is_wanted(one: Made, profile: ProfileSection, form: str, named: str) -> bool:
    if not _is_taken(one, profile):
        return False
    if one.kind in FORMS:
        return one.kind == form
    if one.kind == PICTURES and form == PICTURES:
        return True
    return one.kind in profile.kinds and one.form in ("", named)


def _is_taken(one: Made, profile: ProfileSection) -> bool:
    return one.file.sop_class_uid not in profile.leave_out_classes


def _fits(one: Made, profile: ProfileSection) -> bool:
    return not profile.max_frames or one.frames <= profile.max_frames


def _counted(these: Collection[Made]) -> str:
    """``2 images, 1 report``: how many of each kind."""
    counts = Counter(one.kind for one in these)
    return ", ".join(
        f"{count:,} {_NAMES.get(kind, (kind, kind))[count > 1]}" for kind, count in counts.items()
    )

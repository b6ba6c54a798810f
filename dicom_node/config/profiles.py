"""Viewer profiles: what a destination takes of a job's results, and in which form.

The shipped ones are data files in ``viewers/``, each choice with its reason beside it; a site adds
its own as ``[profiles.NAME]``.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator, model_validator

from dicom_node.config.section import Section
from dicom_node.config.values import SopClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom_node.config.settings import Settings

# Those of `pipelines.manifest.Kind`, which what receives must not load; `segment` is a form of seg.
Taken = Literal["enhanced", "seg", "labelmap", "sr", "pm", "gsps", "ko", "sc", "rtstruct"]
Syntax = Literal["explicit", "implicit", "deflated", "rle", "jpeg-ls", "jpeg-2000"]
DEFAULT_PROFILE = "generic"


class ProfileSection(Section):
    """[profiles.NAME]: what a destination takes; as many as there are, beside the shipped ones."""

    kinds: list[Taken] = Field(
        ["enhanced", "seg", "sr"],
        min_length=1,
        description="what it takes; of seg and labelmap it gets the first, unless it declines it",
    )
    leave_out_classes: list[SopClass] = Field(
        [], description="UIDs of SOP classes that it does not take although it takes the kind"
    )
    split_segments: bool = Field(False, description="a BINARY segmentation for each segment")
    max_frames: int = Field(
        0, ge=0, description="most frames of an object; a SEG beyond is split. 0: any number"
    )
    sc_fallback: bool = Field(
        False, description="pictures with the overlay burnt in where it takes no segmentation"
    )
    transfer_syntaxes: list[Syntax] = Field(
        ["explicit"], description="in order of preference; explicit and implicit always follow"
    )

    @field_validator("kinds", "transfer_syntaxes")
    @classmethod
    def _names_each_once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("names something twice")
        return value

    @model_validator(mode="after")
    def _splits_what_it_takes(self) -> ProfileSection:
        if self.split_segments and "seg" not in self.kinds:
            raise ValueError("split_segments is of seg, which kinds does not name")
        return self

    @property
    def asks_for(self) -> list[str]:
        """The kinds of objects that are to be made for it, `pipelines.manifest.Kind`."""
        wanted: list[str] = [*self.kinds]
        if self.split_segments:
            wanted.append("segment")
        if self.sc_fallback and "sc" not in wanted:
            wanted.append("sc")
        return wanted


@cache
def shipped_profiles() -> Mapping[str, ProfileSection]:
    """The shipped profiles by their names."""
    folder = files("dicom_node.config").joinpath("viewers")
    found = sorted(file.name for file in folder.iterdir() if file.name.endswith(".toml"))
    return {
        name.removesuffix(".toml"): ProfileSection.model_validate(
            tomllib.loads(folder.joinpath(name).read_text(encoding="utf-8"))
        )
        for name in found
    }


def check_profiles(settings: Settings) -> None:
    """Return when every peer's profile is known; otherwise ValueError names those that are."""
    known = {**shipped_profiles(), **settings.profiles}
    for name, peer in settings.peers.items():
        if peer.profile not in known:
            raise ValueError(
                f"[peers.{name}] profile: no profile is called {peer.profile!r}; known are "
                + ", ".join(sorted(known))
            )

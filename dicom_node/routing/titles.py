"""How the node treats what it received under one of its further AE titles ([titles.NAME])."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom_node.config import Settings


@dataclass(frozen=True, slots=True)
class Title:
    """What the settings say of one AE title.

    Attributes
    ----------
    name : str
        Its name in the settings.
    process : bool
        False: no rule is asked.
    destinations : tuple of str
        Peers in place of the usual ones, where a rule names none; empty: the usual ones.
    """

    name: str
    process: bool = True
    destinations: tuple[str, ...] = ()


def titles_of(settings: Settings) -> Mapping[str, Title]:
    """The node's further titles by AE title."""
    return {
        title.ae_title: Title(name, title.process, tuple(title.destinations))
        for name, title in settings.titles.items()
    }

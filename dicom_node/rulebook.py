"""The rules of this node, checked against the pipelines, peers and attributes that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom_node.intake.header import ROUTING_KEYWORDS
from dicom_node.routing.rule import Known, RuleSet, load_rules
from pipelines.registry import load_cards

if TYPE_CHECKING:
    from dicom_node.config import Settings


def known_names(settings: Settings) -> Known:
    """Every name that a rule of this node may use."""
    cards = load_cards()
    return Known(
        pipelines=cards.keys(),
        destinations=settings.possible_destinations,
        attributes=ROUTING_KEYWORDS,
        parameters={name: card.parameters.keys() for name, card in cards.items()},
    )


def load_rulebook(settings: Settings) -> RuleSet:
    """Every rule of the node; `RuleInvalid` where one is wrong."""
    known = known_names(settings)
    return load_rules(
        settings.rules.folder,
        pipelines=known.pipelines,
        destinations=known.destinations,
        attributes=known.attributes,
        parameters=known.parameters,
    )

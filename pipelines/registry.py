"""From a pipeline's name to its card and its function."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pydantic import ValidationError

from pipelines.errors import CardInvalid
from pipelines.models.card import ModelCard

if TYPE_CHECKING:
    from pipelines.contract import Pipeline

PACKAGE_FOLDER = Path(__file__).parent


def load_cards(folder: Path = PACKAGE_FOLDER) -> dict[str, ModelCard]:
    """Every card ``<folder>/*/cards/*.toml`` by name, all of them valid.

    Raises
    ------
    CardInvalid
        Naming the file, the key and what is wrong with it.
    """
    cards: dict[str, ModelCard] = {}
    for path in sorted(folder.glob("*/cards/*.toml")):
        card = load_card(path)
        if card.name in cards:
            raise CardInvalid(f"{path.name}: a second card is called {card.name}")
        cards[card.name] = card
    return cards


def load_card(path: Path) -> ModelCard:
    """The card in the TOML file `path`, or `CardInvalid`."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        return ModelCard(**values, folder=path.parent)
    except tomllib.TOMLDecodeError as error:
        raise CardInvalid(f"{path.name}: not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "card"
        raise CardInvalid(f"{path.name}: {key}: {first['msg']}") from error


def resolve(card: ModelCard) -> Pipeline:
    """The function that the card names as ``module:function``, imported on the first call."""
    module, _, name = card.entry.partition(":")
    try:
        return cast("Pipeline", getattr(import_module(module), name))
    except (ImportError, AttributeError) as error:
        raise CardInvalid(f"{card.name}: entry {card.entry} cannot be loaded") from error

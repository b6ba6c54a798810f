"""Result UIDs that follow from what went in, so that doing it twice gives the same objects."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelines.contract import Parameter
    from pipelines.models.card import ModelCard

# Any fixed UUID will do; changing it would change every result's identity.
PRODUCT_NAMESPACE = uuid.UUID("8a1d2f3c-6b0e-5f0a-9c55-4f2f0b7d6e11")


def derive_uid(
    kind: str,
    digests: Iterable[str],
    card: ModelCard,
    parameters: Mapping[str, Parameter],
    namespace: str = "",
) -> str:
    """A UID under 2.25 that is the same for the same work and differs for any other.

    Parameters
    ----------
    kind : str
        What is named, such as ``series`` or ``instance 3``.
    digests : iterable of str
        Content digests of every source instance used, in any order.
    namespace : str
        A site's UUID; empty for the product's.
    """
    key = "|".join(
        [
            kind,
            *sorted(digests),
            card.name,
            card.version,
            card.weights.sha256 if card.weights else "",
            json.dumps(dict(parameters), sort_keys=True, separators=(",", ":")),
        ]
    )
    named = uuid.uuid5(uuid.UUID(namespace) if namespace else PRODUCT_NAMESPACE, key)
    return f"2.25.{named.int}"

"""What the intake needs of an index: that it takes items, and one day has written them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dicom_node.intake.arrival import Item


class Index(Protocol):
    """Takes items in the order given; whoever puts one never waits."""

    def put(self, item: Item) -> None:
        """Have the item written soon."""

    def finish(self, deadline_s: float) -> bool:
        """Write what is waiting and stop; False when it was not written in time."""

    def is_alive(self) -> bool:
        """False when it broke: the process had better be started anew."""

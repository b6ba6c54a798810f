"""Requests for associations, decoded once: a peer that calls again asks with the same bytes.

Most senders propose about a hundred presentation contexts, which take pynetdicom 6 ms to decode,
and many call for each series or even each image. While one is decoded, all other associations of
the process stand still.
"""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import UserIdentityNegotiation

if TYPE_CHECKING:
    from pynetdicom.pdu_primitives import A_ASSOCIATE

MOST_REMEMBERED = 8
LONGEST_REMEMBERED = 32_768
"""Bytes; dcmtk's storescu asks with 9,609. Decoded it is many times as large, and a stranger may
send a megabyte."""


class Asked(A_ASSOCIATE_RQ):  # type: ignore[misc]  # pynetdicom is not typed
    """A request that may be asked many times; whoever takes its primitive gets a copy."""

    def __init__(self, pdu: bytes) -> None:
        super().__init__()
        self.decode(pdu)
        self._made: A_ASSOCIATE = super().to_primitive()

    def to_primitive(self) -> A_ASSOCIATE:
        """The request as pynetdicom's services take it; what it holds is shared and only read."""
        return copy.copy(self._made)

    @property
    def has_user_identity(self) -> bool:
        """Whether it names a person, perhaps with a password."""
        return any(isinstance(one, UserIdentityNegotiation) for one in self._made.user_information)


class Memory:
    """The last requests, by their bytes; threads may share it.

    One that names a person, perhaps with a password, is forgotten at once, and so is a long one.
    """

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._asked: OrderedDict[bytes, Asked] = OrderedDict()
        self._lock = threading.Lock()

    def decode(self, pdu: bytes) -> Asked:
        """The request that an A-ASSOCIATE-RQ PDU is (PS3.8 9.3.2).

        Of many connections that come at once with one request, the first decodes it for all.

        Raises
        ------
        Exception
            Whatever pynetdicom raises on what is no such PDU.
        """
        with self._lock:
            asked = self._asked.pop(pdu, None) or Asked(pdu)
            if len(pdu) <= LONGEST_REMEMBERED and not asked.has_user_identity:
                self._asked[pdu] = asked
                if len(self._asked) > self._most:
                    self._asked.popitem(last=False)
            return asked

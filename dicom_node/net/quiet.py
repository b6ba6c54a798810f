"""Sets pynetdicom's switches, which are global to the process, to what the node stands for.

* Nothing of a message is ever printed: its own log would show identifiers and, in the text of
  exceptions, values (PRV-02). The node logs what happened itself, without patient data.
* Storage is unrestricted (NET-01, NET-02): every standard, retired, future and private storage
  class is taken in whatever transfer syntax the peer prefers, because one refused instance makes a
  PACS give up the whole study. It also spares a copy of 170 contexts for every association.
* Files are sent as they are, in pieces, never decoded.
* A UID that was found valid is not looked at again: peers propose the same hundred each time.
"""

from __future__ import annotations

import logging
from functools import lru_cache

from pynetdicom import _config  # its documented place for switches, in spite of the name


def set_switches() -> None:
    """Apply the switches; doing it again changes nothing."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    _config.UNRESTRICTED_STORAGE_SERVICE = True
    _config.STORE_SEND_CHUNKED_DATASET = True
    _config.VALIDATORS["UI"] = _validate_uid
    log = logging.getLogger("pynetdicom")
    log.setLevel(logging.CRITICAL + 1)
    log.propagate = False


_validate_uid = lru_cache(maxsize=1024)(_config.VALIDATORS["UI"])

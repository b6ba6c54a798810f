"""What the de-identification says when it cannot vouch for an object.

Refused       the object is not exported; the reason holds no value of the patient
KeyUnusable   the project's key file cannot be read or made
"""

from __future__ import annotations

from dicom_node.errors import NodeError


class Refused(Exception):
    """The object cannot be de-identified for certain."""


class KeyUnusable(NodeError):
    """A project's key cannot be read or made; without it there are no pseudonyms."""

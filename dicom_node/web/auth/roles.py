"""The table role x permission. A permission that stands in no row is nobody's."""

from __future__ import annotations

from typing import Literal

Role = Literal["viewer", "operator", "admin", "auditor"]
Permission = Literal["read", "operate", "users", "audit"]

ROLES: dict[str, frozenset[Permission]] = {
    "viewer": frozenset({"read"}),
    "operator": frozenset({"read", "operate"}),
    "admin": frozenset({"read", "operate", "users", "audit"}),
    "auditor": frozenset({"audit"}),
}

MEANINGS = {
    "viewer": "sees studies and results",
    "operator": "also runs again, cancels and resends",
    "admin": "also manages users and reads the audit trail",
    "auditor": "reads the audit trail and nothing else",
}


def may(role: str, permission: Permission) -> bool:
    """Whether the role has the permission."""
    return permission in ROLES.get(role, frozenset())

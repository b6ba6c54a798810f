"""What stands between this installation and a working node: one plain line for each check.

No check stops another, and none changes anything. What the checks import is imported when they run:
an installation in which another package shadows one of ours must still be able to say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom_node.doctor.finding import Finding
from dicom_node.doctor.installation import check_packages, check_versions, has_foreign_package

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom_node.config import Settings

__all__ = ["Finding", "examine"]


def examine(settings: Settings) -> list[Finding]:
    """Check everything that a node with `settings` stands on.

    Returns
    -------
    list of Finding
        ``ok`` is False for what keeps the node, or a part of it, from working.
    """
    return list(_examine(settings))


def _examine(settings: Settings) -> Iterator[Finding]:
    yield check_versions()
    packages = check_packages()
    yield from packages
    if has_foreign_package(packages):
        yield Finding("rest", ok=None, text="not checked: the packages above must be ours first")
        return
    from dicom_node.doctor import certificates, content, machine, network  # noqa: PLC0415 - see above

    yield from machine.check(settings)
    yield from content.check(settings)
    yield from network.check(settings)
    yield from certificates.check(settings)

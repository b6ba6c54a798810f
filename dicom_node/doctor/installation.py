"""Checks that the installed program is whole and that its packages are its own."""

from __future__ import annotations

import importlib.util
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import dicom_node
from dicom_node.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

DISTRIBUTION = "dicom-node"
# Names that other distributions on the package index use, too.
OUR_PACKAGES = ("pipelines", "storage")
SHOWN = ("pydicom", "pynetdicom", "highdicom", "numpy", "torch", "SQLAlchemy")


def check_versions() -> Finding:
    """The versions that a report of a fault should name."""
    found, missing = [], []
    for name in SHOWN:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        text = f"not installed: {', '.join(missing)}; pip install {DISTRIBUTION} again"
        return Finding("versions", ok=False, text=text)
    ours = f"{DISTRIBUTION} {dicom_node.__version__}, Python {platform.python_version()}"
    return Finding("versions", ok=True, text=f"{ours}, {', '.join(found)}")


def check_packages() -> list[Finding]:
    """Whether `pipelines` and `storage` are ours: loaded from beside us, and from nobody else."""
    beside = Path(dicom_node.__path__[0]).resolve().parent
    providers = metadata.packages_distributions()
    return [_check_package(name, beside, providers.get(name, [])) for name in OUR_PACKAGES]


def has_foreign_package(findings: Iterable[Finding]) -> bool:
    """Tell whether a package would be loaded from elsewhere."""
    return any(finding.ok is False for finding in findings)


def _check_package(name: str, beside: Path, providers: list[str]) -> Finding:
    title = f"package {name}"
    others = sorted({one for one in providers if one.lower().replace("_", "-") != DISTRIBUTION})
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.origin:
        text = f"is missing; pip install --force-reinstall {DISTRIBUTION}"
        return Finding(title, ok=False, text=text)
    folder = Path(spec.origin).resolve().parent
    if folder.parent != beside:
        by = f" of the distribution {', '.join(others)}" if others else ""
        text = f"is loaded from {folder}{by}, not from {beside}; use an environment of its own"
        return Finding(title, ok=False, text=text)
    if others:
        text = (
            f"the distribution {', '.join(others)} holds a package of the same name and may have "
            "overwritten files of ours; use an environment of its own"
        )
        return Finding(title, ok=False, text=text)
    return Finding(title, ok=True, text="is ours")

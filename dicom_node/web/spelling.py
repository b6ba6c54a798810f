"""Names, sizes and numbers as people read them."""

from __future__ import annotations

from markupsafe import Markup


def person(name: str) -> Markup:
    """A PN value as people write it: ``Yamada, Tarou (山田 太郎)``, each part kept apart by bdi."""
    groups = [_one_person(group) for group in name.split("=")[:2]]
    shown = [group for group in groups if group]
    if not shown:
        return Markup('<span class="quiet">no name</span>')
    first = Markup("<bdi>{}</bdi>").format(shown[0])
    return first + Markup(" <bdi>({})</bdi>").format(shown[1]) if len(shown) > 1 else first


def _one_person(group: str) -> str:
    parts = [part.strip() for part in group.split("^")]
    family, rest = parts[0], " ".join(part for part in parts[1:] if part)
    if not group.isascii():
        return f"{family} {rest}".strip()
    return ", ".join(part for part in (family, rest) if part)


def size(count: float) -> str:
    """Bytes in the decimal unit that leaves one to three digits before the point."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return (
                f"{count:.0f} {unit}" if unit == "bytes" or count >= 10 else f"{count:.1f} {unit}"
            )
        count /= 1000
    return f"{count:.1f} TB"


def count_of(number: int, word: str, plural: str = "") -> Markup:
    """``1 job``, ``2 jobs``, with a space that does not break."""
    return Markup("{}&nbsp;{}").format(f"{number:,}", word if number == 1 else plural or f"{word}s")

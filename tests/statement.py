"""The tables of docs/conformance.md, as they are printed there."""

from __future__ import annotations

from pathlib import Path

STATEMENT = Path(__file__).parents[1] / "docs" / "conformance.md"
Row = dict[str, str]


def table(number: str) -> list[Row]:
    """The rows of a table by its number, such as ``7-2``: head of the column to text."""
    text = STATEMENT.read_text(encoding="utf-8")
    _, found, rest = text.partition(f"\n**Table {number}. ")
    assert found, f"there is no table {number}"
    lines = iter(rest.splitlines())
    head: list[str] = []
    rows: list[Row] = []
    for line in lines:
        if not line.startswith("|"):
            if rows:
                break
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not head:
            head = cells
        elif set(line) - set("|-"):
            rows.append(dict(zip(head, cells, strict=True)))
    return rows


def column(number: str, head: str) -> list[str]:
    """One column of a table, without the marks of code."""
    return [row[head].strip("`") for row in table(number)]


def numbers(number: str, head: str, name: str = "Name") -> dict[int, str]:
    """A table of codes: the number, written as 0x0110 or 1, to its name."""
    return {int(row[head], 0): row[name] for row in table(number)}

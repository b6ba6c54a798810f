"""YAML as plain text, lists and maps, with the line of everything.

Every scalar stays the text that was written: YAML 1.1 would read ``NO`` as false, ``0123`` as octal
and ``2026-01-31`` as a date, and all three are ordinary DICOM values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import yaml

from dicom_node.errors import RuleInvalid

Tree = str | list["Tree"] | dict[str, "Tree"]
Path = tuple[str | int, ...]
Lines = dict[Path, int]


@dataclass(frozen=True, slots=True)
class Read:
    """A document's tree, and the line (from 1) of each key and list entry by its path.

    `mistakes` are keys that the tree could not hold, as ``<line>: <what is wrong>``.
    """

    tree: Tree
    lines: Lines
    mistakes: list[str]

    def line_of(self, where: Path) -> int:
        """The line of the deepest part of a path that the document holds."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)


def read_yaml(text: str) -> Read:
    """The document.

    Raises
    ------
    RuleInvalid
        It is not YAML: ``<line>: <what is wrong>``; the caller puts the file's name before it.
    """
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise RuleInvalid(f"{_number(event.start_mark)}: {_STAR}")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = _number(error.problem_mark)
        if "alias" in (error.context or ""):
            raise RuleInvalid(f"{line}: {_STAR}") from None
        raise RuleInvalid(f"{line}: not YAML: {error.problem}") from None
    except yaml.YAMLError:
        raise RuleInvalid("1: not YAML: it holds characters that YAML does not allow") from None
    read = Read({}, {}, [])
    return replace(read, tree=_plain(root, (), read)) if root else read


_STAR = 'a value that begins with * must stand in quotes: "*lung*"'


def _number(mark: object) -> int:
    return getattr(mark, "line", 0) + 1  # PyYAML's C and Python readers have a Mark class each


def _plain(node: yaml.Node, path: Path, read: Read) -> Tree:
    """The node's tree; where each part stands and what is wrong is added to `read`."""
    read.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, (*path, index), read) for index, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        tree: dict[str, Tree] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                read.mistakes.append(f"{line}: a key must be a word")
                continue
            if key.value in tree:
                read.mistakes.append(
                    f"{line}: {key.value} stands here twice; the first would be lost"
                )
            read.lines[*path, key.value] = line
            tree[key.value] = _plain(value, (*path, key.value), read)
        return tree
    return str(node.value)

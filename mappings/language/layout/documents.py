"""YAML files of packs, written anew from their nodes with the comments put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import yaml

from mappings.language.layout.comments import Comment, comments_in
from mappings.language.layout.spacing import broken, filled, spaced

WIDTH: Final = 100
_STEP: Final = 2
_ROUNDS: Final = 5
"""Most files settle in one; a comment that moves to another line may move others."""


class Unformattable(Exception):
    """The file holds what no pack file holds; the text says what."""


def laid_out(text: str) -> str:
    """The document in the house's layout. Raises Unformattable, and yaml.YAMLError where it is no YAML."""
    before = text.removeprefix("\ufeff").replace("\r\n", "\n")
    for _ in range(_ROUNDS):
        after = _written(before)
        if after == before:
            return after
        before = after
    raise Unformattable("its layout does not settle: write the items and comments of this file on lines of their own")


def _written(text: str) -> str:
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise Unformattable("anchors, aliases and tags are no part of the language: write the value itself")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    writer = _Writer(text, comments_in(text))
    if root is not None and writer.opens(root):
        writer.block(root, 0, "")
    elif root is not None:
        writer.begin(root, 0)
        writer.value(root, "", 0, root.start_mark.line)
    writer.comments(len(text), 0, 0)
    return "\n".join(_tidy(writer.lines)) + "\n"


def _tidy(lines: Sequence[str]) -> list[str]:
    """One blank line where there were several, none at the ends, and long comments in lines that fit."""
    kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    while kept and not kept[-1]:
        kept.pop()
    found: list[str] = []
    paragraph: list[str] = []
    for line in [*kept, ""]:
        if paragraph and _margin(line) != _margin(paragraph[0]):
            found += _paragraph(paragraph)
            paragraph = []
        (paragraph if line.lstrip().startswith("# ") else found).append(line)
    return found[:-1]


def _margin(line: str) -> str:
    return line.partition("#")[0] if line.lstrip().startswith("# ") else "none"


def _paragraph(lines: list[str]) -> list[str]:
    """Lines of comment in a row: as the author broke them, unless one is too long."""
    if all(len(line) <= WIDTH for line in lines):
        return lines
    margin = _margin(lines[0])
    words = [word for line in lines for word in line.strip().removeprefix("#").split()]
    return [f"{margin}# {line}" for line in filled(words, WIDTH - len(margin) - 2)]


class _Writer:
    """Writes nodes top down. `levels` holds (column before, column now) of each line written: comments follow them."""

    def __init__(self, text: str, comments: Sequence[Comment]) -> None:
        self.text = text
        self.source = text.split("\n")
        self.beside = {c.line: c for c in comments if c.beside}
        self.own = [c for c in comments if not c.beside]
        self.levels: list[tuple[int, int]] = [(0, 0)]
        self.margins: dict[int, int] = {}
        self.lines: list[str] = []

    # lines and comments

    def line(self, text: str, number: int) -> None:
        """A line of content, with the comment that stood beside line `number`, at its column where there is room."""
        comment = self.beside.pop(number, None)
        if comment is None:
            self.lines.append(text)
            return
        column = max(comment.column, len(text) + _STEP)
        if column + len(comment.text) > WIDTH:
            column = len(text) + _STEP
        if column + len(comment.text) > WIDTH:
            indent = len(text) - len(text.lstrip())
            self.lines += [" " * indent + comment.text, text]
            return
        self.margins = {comment.column: column}
        self.lines.append(text.ljust(column) + comment.text)

    def comments(self, before: int, old: int, new: int) -> None:
        """The lines of comment above line `before`, whose content moves from column `old` to `new`; also what stood
        beside a line that is none any more, as a dash alone."""
        lost = [self.beside.pop(number) for number in sorted(self.beside) if number < before]
        self.lines += [" " * new + comment.text for comment in lost]
        while self.own and self.own[0].line < before:
            comment = self.own.pop(0)
            if not comment.text:
                self.lines.append("")
            elif comment.column in self.margins and comment.column > old:
                self.lines.append(" " * self.margins[comment.column] + comment.text)
            else:
                self.lines.append(" " * self._column(comment.column, old, new) + comment.text)

    def _column(self, column: int, old: int, new: int) -> int:
        if column <= old:
            return new
        return max(new, next((now for then, now in reversed(self.levels) if then <= column), new))

    def begin(self, node: Any, column: int) -> None:
        """What comes before the first line of an entry or item, which will stand at `column`."""
        mark = node.start_mark
        self.comments(mark.line, mark.column, column)
        self.margins = {}
        self.levels.append((mark.column, column))

    # nodes

    def block(self, node: Any, column: int, lead: str) -> None:
        """A collection whose first line begins with `lead`: nothing, or the dashes of the items that it stands in."""
        if isinstance(node, yaml.MappingNode):
            for position, (key, value) in enumerate(node.value):
                if not isinstance(key, yaml.ScalarNode):
                    raise Unformattable(f"line {key.start_mark.line + 1}: a key must be one word")
                self.begin(key, column)
                head = f"{lead if not position else ''}".ljust(column) + self.inline(key) + ":"
                self.value(value, head, column + _STEP, key.start_mark.line)
            return
        for position, item in enumerate(node.value):
            dash = self.dash(item)
            self.comments(item.start_mark.line, dash, column)
            self.levels.append((dash, column))
            head = f"{lead if not position else ''}".ljust(column) + "-"
            if self.opens(item):
                self.block(item, column + _STEP, head + " ")
            else:
                self.value(item, head, column + _STEP, item.start_mark.line)

    def dash(self, item: Any) -> int:
        """The column of the dash before an item."""
        line = self.source[item.start_mark.line][: item.start_mark.column].rstrip()
        return len(line) - 1 if line else int(item.start_mark.column)

    def value(self, node: Any, head: str, column: int, number: int) -> None:
        """What comes behind `key:` or `-` in line `number`, else below it from `column` on."""
        opens = self.opens(node)
        if not opens and node.start_mark.line > number:
            self.comments(node.start_mark.line, WIDTH, column - _STEP)
        if opens and node.flow_style:  # a comment in this line is one of its first entry
            self.lines.append(head)
            self.block(node, column, "")
        elif opens:
            self.line(head, number)
            self.block(node, column, "")
        elif not isinstance(node, yaml.ScalarNode):
            self.line(_after(head, self.inline(node)), node.end_mark.line)
        elif node.style in (">", "|"):
            self.held(node, head, column)
        else:
            self.scalar(node, head, column)

    def scalar(self, node: Any, head: str, column: int) -> None:
        text = self.inline(node)
        line = _after(head, text)
        last = node.end_mark.line
        if len(line) <= WIDTH or " " not in text:
            self.line(line, last)
        elif node.style is None:
            self.line(_after(head, ">-"), last)
            self.lines += [" " * column + part for part in broken(text, WIDTH - column)]
        else:
            parts = filled([" " * (len(head) + 1 - column), *text.split(" ")], WIDTH - column)
            self.line(_after(head, parts[0].lstrip()), last)
            self.lines += [" " * column + part for part in parts[1:]]

    def held(self, node: Any, head: str, column: int) -> None:
        """A block scalar: its lines as they are, unless it is a folded expression with one too long."""
        first = node.start_mark.line
        style = self.source[first][node.start_mark.column :].partition("#")[0].strip()
        self.line(_after(head, style), first)
        rest = "\n".join(self.source[first + 1 : node.end_mark.line + (node.end_mark.column > 0)]).rstrip()
        lines = rest.split("\n")
        old = len(lines[0]) - len(lines[0].lstrip())
        moved = [(" " * column + line[old:]).rstrip() for line in lines]
        if style == ">-" and "\n" not in node.value and any(len(line) > WIDTH for line in moved):
            moved = [" " * column + part for part in broken(spaced(node.value), WIDTH - column)]
        self.lines += moved

    # values in one line

    def opens(self, node: Any) -> bool:
        """Whether a collection is written as a block: it was, or does not fit in one line, or holds a comment."""
        if isinstance(node, yaml.ScalarNode):
            return False
        if not node.flow_style:
            return bool(node.value)
        first, last = node.start_mark.line, node.end_mark.line
        commented = any(first <= c.line < last for c in (*self.own, *self.beside.values()) if c.text)
        room = WIDTH - node.start_mark.column
        return bool(node.value) and (commented or len(self.inline(node)) > room)

    def inline(self, node: Any) -> str:
        if isinstance(node, yaml.MappingNode):
            return "{" + ", ".join(_after(f"{self.inline(k)}:", self.inline(v)) for k, v in node.value) + "}"
        if isinstance(node, yaml.SequenceNode):
            return "[" + ", ".join(map(self.inline, node.value)) + "]"
        if node.style is None:
            return spaced(node.value)
        written = self.text[node.start_mark.index : node.end_mark.index]
        if node.style == "'" and not set(node.value) & set('"\\\n') and node.value.isprintable():
            return f'"{node.value}"'
        return " ".join(part.strip() for part in written.split("\n"))


def _after(head: str, text: str) -> str:
    return f"{head} {text}" if head and text else head or text

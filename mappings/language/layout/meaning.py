"""Whether two texts of one file mean the same: what stands between reading a file and writing it."""

from __future__ import annotations

from typing import Any

from mappings.language.compile.shapes import shape
from mappings.language.layout.comments import comments_in
from mappings.language.lexer import ExpressionError
from mappings.language.nodes import Mapping, Node, Scalar, Sequence, read_yaml
from mappings.language.parser import parse
from mappings.language.problems import Problems


def same_document(before: str, after: str) -> bool:
    """The same nodes, but for blanks in plain scalars, and the same words of comment."""
    trees = [read_yaml(text, "", Problems()) for text in (before, after)]
    if any(tree is None for tree in trees) and trees != [None, None]:
        return False
    return _shape(trees[0]) == _shape(trees[1]) and _remarks(before) == _remarks(after)


def _shape(node: Node | None) -> Any:
    match node:
        case Scalar() if node.quoted:
            return ("quoted", node.text)
        case Scalar():
            return ("plain", _expression(node.text))
        case Mapping():
            return ("mapping", *((_shape(e.key), _shape(e.value)) for e in node))
        case Sequence():
            return ("sequence", *map(_shape, node.items))
    return None


def _expression(text: str) -> str:
    try:
        return shape(parse(text))
    except ExpressionError:
        return " ".join(text.split())


def _remarks(text: str) -> list[str]:
    """In any order: a comment that does not fit beside its line moves above it."""
    return sorted(" ".join(c.text.lstrip("#") for c in comments_in(text)).split())

"""FHIR XML → FHIR's JSON form (R4 §2.6.1 and §2.6.2), driven by the R4 model.

Nothing is parsed before the bytes are known to hold no document type, no entity and no processing instruction, in an
encoding whose bytes mean what they look like. lxml then reads with entities, network and huge trees switched off.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from lxml import etree

from contract.errors import Code, Refusal, Undecodable, Unprocessable, refuse
from mappings.language.fhir.model import Element, is_resource, type_model
from mappings.stages import Json

_FHIR: Final = "{http://hl7.org/fhir}"
_XHTML_DIV: Final = "{http://www.w3.org/1999/xhtml}div"
_DECLARATION = re.compile(
    rb"""\s*<\?xml\s+version\s*=\s*["']1\.[01]["']"""
    rb"""(?:\s+encoding\s*=\s*["']([A-Za-z0-9._-]+)["'])?(?:\s+standalone\s*=\s*["'](?:yes|no)["'])?\s*\?>"""
)
_PLAIN_ENCODINGS: Final = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1", b"windows-1252"})
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")
_LONGEST_NUMBER: Final = 40


def read_xml(body: bytes) -> Json:
    """The resource that the document holds, in FHIR's JSON form.

    Raises Undecodable `forbidden-xml` for a DOCTYPE, an entity or a processing instruction, `bad-encoding` for UTF-16
    and the like, `malformed-xml` (with the line) for what is not XML or not FHIR XML; Unprocessable `invalid-fhir`,
    with the path, for an element that FHIR R4 does not have there.
    """
    _refuse_tricks(body)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        line = error.position[0] if error.position else 0
        raise _malformed("the body is not well-formed XML", f"line {line}" if line else "") from None
    name = _local(root, "")
    if not is_resource(name):
        raise _malformed("the document's root is not a FHIR R4 resource in the FHIR namespace", "")
    return _resource(root, name, name)


def _refuse_tricks(body: bytes) -> None:
    content = body.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise refuse(Undecodable, Code.EMPTY, "the body is empty")
    if b"\x00" in content or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise refuse(Undecodable, Code.BAD_ENCODING, "XML is read in UTF-8 only")
    declaration = _DECLARATION.match(content)
    if declaration:
        encoding = declaration[1]
        if encoding and encoding.lower() not in _PLAIN_ENCODINGS:
            raise refuse(Undecodable, Code.BAD_ENCODING, "XML is read in UTF-8 only; its declaration says otherwise")
        content = content[declaration.end() :]
    if b"<?" in content:
        raise _forbidden("a processing instruction or a malformed XML declaration")
    if b"<!DOCTYPE" in content:
        raise _forbidden("a DOCTYPE")
    if b"<!ENTITY" in content:
        raise _forbidden("an entity declaration")


def _resource(node: Any, name: str, path: str) -> dict[str, Json]:
    return {"resourceType": name, **_complex(node, name, path)}


def _complex(node: Any, type_name: str, path: str) -> dict[str, Json]:
    model = type_model(type_name)
    elements = model.elements if model else {}
    found: dict[str, Json] = dict(node.attrib)
    for attribute in found:
        if attribute not in ("id", "url") or attribute not in elements:
            raise _no_such(attribute, elements, path)
    if node.text and not node.text.isspace():
        raise _malformed("text stands where FHIR XML has only elements and attributes", path)
    counts: dict[str, int] = {}
    for child in node:
        if child.tag == _XHTML_DIV and "div" in elements:
            found["div"] = etree.tostring(child, encoding="unicode", with_tail=False)
            continue
        name = _local(child, path)
        element = elements.get(name)
        if element is None or name.startswith("_"):
            raise _no_such(name, elements, path)
        index = counts.get(name, 0)
        counts[name] = index + 1
        where = f"{path}.{name}[{index}]" if element.many else f"{path}.{name}"
        if index and not element.many:
            raise refuse(Unprocessable, Code.INVALID_FHIR, "this element may stand only once", where)
        if element.primitive:
            _add_primitive(found, child, element, index, where)
        else:
            value = _contained(child, where) if element.type == "Resource" else _complex(child, element.type, where)
            _add(found, name, element, value)
        if child.tail and not child.tail.isspace():
            raise _malformed("text stands where FHIR XML has only elements and attributes", path)
    return found


def _add(found: dict[str, Json], name: str, element: Element, value: Json) -> None:
    if element.many:
        found.setdefault(name, []).append(value)
    else:
        found[name] = value


def _add_primitive(found: dict[str, Json], node: Any, element: Element, index: int, path: str) -> None:
    """A value goes into `name`, an id or extensions of it into `_name`; in lists the two are kept in step by nulls."""
    text = node.get("value")
    value = None if text is None else _value(text, element.type)
    beside = {name: content for name, content in node.attrib.items() if name != "value"}
    if others := beside.keys() - {"id"}:
        raise _no_such(min(others), ("id", "value"), path)
    if len(node) or beside:
        bare = etree.Element(node.tag, beside)
        bare.extend(list(node))
        beside = _complex(bare, "Element", path)
    if value is None and not beside:
        raise _malformed("the element has neither a value nor an extension", path)
    name = element.name
    if not element.many:
        if value is not None:
            found[name] = value
        if beside:
            found[f"_{name}"] = beside
        return
    if value is not None or name in found:
        found.setdefault(name, [None] * index).append(value)
    if beside or f"_{name}" in found:
        found.setdefault(f"_{name}", [None] * index).append(beside or None)


def _value(text: str, kind: str) -> Json:
    """The JSON value of a primitive; text that is none of its type stays text, for validation to refuse by path."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind in ("integer", "positiveInt", "unsignedInt"):
        return int(text) if _WHOLE_NUMBER.fullmatch(text) else text
    if kind == "decimal":
        return _decimal(text)
    return text


def _decimal(text: str) -> Json:
    if len(text) > _LONGEST_NUMBER or not _DECIMAL.fullmatch(text):
        return text
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _contained(node: Any, path: str) -> dict[str, Json]:
    children = list(node)
    if len(children) != 1:
        raise _malformed("exactly one resource belongs here", path)
    name = _local(children[0], path)
    if not is_resource(name):
        raise refuse(Unprocessable, Code.INVALID_FHIR, "FHIR R4 has no resource of this name", path)
    return _resource(children[0], name, path)


def _local(node: Any, path: str) -> str:
    tag: str = node.tag if isinstance(node.tag, str) else ""
    if not tag.startswith(_FHIR):
        raise _malformed("an element stands outside the FHIR namespace", path)
    return tag[len(_FHIR) :]


def _no_such(name: str, elements: Collection[str], path: str) -> Refusal:
    """Tells a name only where it is an element's but for its capitals: any other could be a person's."""
    if name.lower() in (known.lower() for known in elements):
        path = f"{path}.{name}"
    return refuse(Unprocessable, Code.INVALID_FHIR, "FHIR R4 has no such element here", path)


def _malformed(text: str, path: str) -> Refusal:
    return refuse(Undecodable, Code.MALFORMED_XML, text, path)


def _forbidden(what: str) -> Refusal:
    return refuse(Undecodable, Code.FORBIDDEN_XML, f"the body holds {what}, which is never read; send it without")

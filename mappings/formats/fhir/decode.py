"""Bytes of one FHIR message Bundle → Decoded."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from contract.errors import Code, Refusal, Unprocessable, refuse
from mappings.formats.fhir.xml import read_xml
from mappings.formats.strict_json import canonical, read_json
from mappings.stages import Decoded, Format, Json

_MARK: Final = b"\xef\xbb\xbf"
_XML_STARTS: Final = (b"<", b"\xff\xfe", b"\xfe\xff")
_HEAD: Final = 4096
_CODE = re.compile(r"[!-~]{1,100}")
"""What may become the kind of a message, which is shown in metrics and texts."""


def decode_fhir(body: bytes) -> Decoded:
    """Reads a message Bundle; `tree` is the Bundle in FHIR's JSON form, also when XML was sent.

    The kind is the header's event: `eventCoding.code`, or the last part of `eventUri`. The message id is event code,
    source endpoint and Bundle.identifier, else MessageHeader.id, else the header's fullUrl. `comparable` leaves out
    Bundle.timestamp and every meta.lastUpdated.

    Raises Undecodable for bytes that are no JSON or XML, Unprocessable `unsupported-message` with the path for what is
    no message Bundle with a MessageHeader first, and `invalid-fhir` for XML with elements that FHIR R4 does not have.
    """
    start = body[:_HEAD].removeprefix(_MARK).lstrip()
    return decode_tree(read_xml(body) if start.startswith(_XML_STARTS) else read_json(body))


def decode_tree(bundle: Json) -> Decoded:
    """As `decode_fhir`, for a Bundle that has been read already."""
    entry = _header_entry(bundle)
    header = entry["resource"]
    kind = _event(header)
    return Decoded(
        Format.FHIR, bundle, kind, _message_id(kind, bundle, entry), hashlib.sha256(_without_stamps(bundle)).digest()
    )


def _header_entry(bundle: Json) -> dict[str, Json]:
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise _unsupported("a FHIR Bundle of type message is expected", "resourceType")
    if bundle.get("type") != "message":
        raise _unsupported("only Bundles of type message are taken here", "Bundle.type")
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        raise _unsupported("a message Bundle needs entries, the first of which is its MessageHeader", "Bundle.entry")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("resource"), dict):
            raise _unsupported("every entry of a message holds a resource", f"Bundle.entry[{index}].resource")
    first: dict[str, Json] = entries[0]
    if first["resource"].get("resourceType") != "MessageHeader":
        raise _unsupported("the first entry of a message is its MessageHeader", "Bundle.entry[0].resource")
    return first


def _event(header: dict[str, Json]) -> str:
    coding = header.get("eventCoding")
    code = coding.get("code") if isinstance(coding, dict) else None
    uri = header.get("eventUri")
    if code is None and isinstance(uri, str):
        code = uri.rstrip("/").rpartition("/")[2].rpartition("#")[2].rpartition(":")[2]
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise _unsupported(
            "the MessageHeader must say which event this is, in eventCoding.code or eventUri",
            "Bundle.entry[0].resource.eventCoding.code",
        )
    return code


def _message_id(kind: str, bundle: dict[str, Json], entry: dict[str, Json]) -> str | None:
    header = entry["resource"]
    identifier = bundle.get("identifier")
    own: Json
    if isinstance(identifier, dict) and isinstance(identifier.get("value"), str):
        own = f"{identifier.get('system') or ''}|{identifier['value']}"
    else:
        own = header.get("id") or entry.get("fullUrl")
    if not isinstance(own, str):
        return None
    source = header.get("source")
    endpoint = source.get("endpoint") if isinstance(source, dict) else None
    return "^".join((kind, endpoint if isinstance(endpoint, str) else "", own))


def _without_stamps(bundle: dict[str, Json]) -> bytes:
    bare = _unstamped(bundle)
    bare.pop("timestamp", None)
    bare["entry"] = [{**entry, "resource": _unstamped(entry["resource"])} for entry in bundle["entry"]]
    return canonical(bare)


def _unstamped(resource: dict[str, Json]) -> dict[str, Json]:
    meta = resource.get("meta")
    if not isinstance(meta, dict):
        return dict(resource)
    return {**resource, "meta": {name: value for name, value in meta.items() if name != "lastUpdated"}}


def _unsupported(text: str, path: str) -> Refusal:
    return refuse(Unprocessable, Code.UNSUPPORTED_MESSAGE, text, path)

"""Code lists: one CSV each, rows merged along the layers, one policy for what is unknown."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from mappings.language.problems import Place, Problems

COLUMNS: Final = ("code", "display", "target_system", "target_code", "target_display", "from", "verified")
REMOVED: Final = "-"


class Unknown(StrEnum):
    """What becomes of a code that is not in the list; each way is noted as `unmapped-code`."""

    KEEP = "keep"
    FIXED = "fixed"
    OMIT = "omit"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Target:
    system: str
    code: str
    display: str


@dataclass(slots=True)
class CodeList:
    """`system` is the source's own code system. `fixed` is the code that stands for the unknown. `places` say where the
    row of each code stands that holds, also one that removes its code. `unverified` are the codes whose row has not
    `yes` under `verified`."""

    name: str
    place: Place
    unknown: Unknown = Unknown.KEEP
    fixed: str = ""
    system: str = ""
    targets: dict[str, Target] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    unverified: set[str] = field(default_factory=set)

    def is_boolean(self) -> bool:
        return bool(self.targets) and {t.code for t in self.targets.values()} <= {"true", "false"}

    def results(self) -> dict[str, Place]:
        """Every code that may come out, with the place that says so."""
        found = {target.code: self.places[code] for code, target in self.targets.items()}
        if self.unknown is Unknown.FIXED:
            found.setdefault(self.fixed, self.place)
        return found


def read_code_list(name: str, files: Iterable[tuple[str, str]], problems: Problems) -> CodeList:
    """From the files of that name in each layer, base first, as (file, text)."""
    found: CodeList | None = None
    for file, text in files:
        found = found or CodeList(name, Place(file))
        _lay_over(found, file, text, problems)
    if found is None:
        raise ValueError(f"code list {name} has no file")
    return found


def _lay_over(codes: CodeList, file: str, text: str, problems: Problems) -> None:
    lines = text.splitlines()
    comments = 0
    for comments, line in enumerate([*lines, ""]):
        if not line.startswith("#"):
            break
        _setting(codes, line, Place(file, comments + 1, 1, line), problems)
    reader = csv.DictReader(lines[comments:])
    if tuple(reader.fieldnames or ()) != COLUMNS:
        place = Place(file, comments + 1, 1, lines[comments] if comments < len(lines) else "")
        problems.add(place, "these are not the columns of a code list", f"write {','.join(COLUMNS)}")
        return
    seen: set[str] = set()
    for row in reader:
        number = reader.line_num + comments
        place = Place(file, number, 1, lines[number - 1] if number <= len(lines) else "")
        if None in row or None in row.values():
            problems.add(
                place, f"the row has not {len(COLUMNS)} columns", "a value with a comma stands in double quotes"
            )
            continue
        if row["code"] in seen:
            problems.add(place, f"the code `{row['code']}` is here twice", "keep one of the two rows")
        seen.add(row["code"])
        codes.unverified.discard(row["code"])
        if row["target_code"] == REMOVED:
            codes.targets.pop(row["code"], None)
            codes.places[row["code"]] = place
        elif not row["target_code"]:
            problems.add(place, "the row has no target_code", f"`{REMOVED}` removes the code of the layer below")
        else:
            codes.targets[row["code"]] = Target(row["target_system"], row["target_code"], row["target_display"])
            codes.places[row["code"]] = place
            if row["verified"] != "yes":
                codes.unverified.add(row["code"])


def _setting(codes: CodeList, line: str, place: Place, problems: Problems) -> None:
    name, _, value = line.lstrip("# ").partition(":")
    value = value.strip()
    if name == "system":
        codes.system = value
    elif name == "unknown":
        policy, _, code = value.partition(" ")
        if policy not in set(Unknown) or (policy == Unknown.FIXED) != bool(code.strip()):
            problems.add(place, f"no policy `{value}`", "one of keep, fixed CODE, omit, refuse")
            return
        codes.unknown, codes.fixed, codes.place = Unknown(policy), code.strip(), place

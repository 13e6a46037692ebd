"""`carehub packs coverage`: what a pack maps, and how much of a guide's tables its samples prove."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from carehub.commands import exits
from carehub.output import AsJson

HELP = """What a pack maps: source fields, FHIR elements, code lists, and how much of it its samples use.

With --guide, row by row against a guide's mapping tables: a row counts as covered only if a sample has its source, and
the sample's golden holds that value at its target. Rows left out stand with their reasons in the pack's
coverage-exclusions.csv.

Examples: `carehub packs coverage cld`, `carehub packs coverage hl7v2 --guide v2-to-fhir/mappings`,
`carehub packs coverage hl7v2 hl7v2-itk --guide v2-to-fhir/mappings --missing --least 90`
"""

Names = Annotated[list[str], typer.Argument(metavar="PACK...", help="With --guide, several are scored together.")]
Guide = Annotated[
    Path | None,
    typer.Option("--guide", metavar="DIR", exists=True, file_okay=False, help="Folder with segments/ and datatypes/."),
]
Missing = Annotated[bool, typer.Option("--missing", help="Name each uncovered row, and what it lacks.")]
Least = Annotated[
    float | None, typer.Option("--least", metavar="PERCENT", min=0, max=100, help="Exit with 1 when it is less.")
]


def coverage(
    packs: Names, guide: Guide = None, missing: Missing = False, least: Least = None, as_json: AsJson = False
) -> None:
    from carehub.errors import WrongUsage
    from carehub.output import print_json
    from carehub.packs import declared_coverage, guide_coverage

    if guide is None:
        if missing or least is not None:
            raise WrongUsage("--missing and --least speak of a guide: name its folder with --guide")
        found = [{"pack": name} | declared_coverage(name) for name in packs]
        if as_json:
            print_json(found if len(found) > 1 else found[0])
        else:
            for each in found:
                _print_declared(each)
        return
    scored = guide_coverage(packs, guide)
    enough = least is None or scored["percent"] >= least
    if as_json:
        print_json({"ok": enough and not scored["mistakes"]} | scored)
    else:
        _print_scored(scored, missing=missing)
    if not enough or scored["mistakes"]:
        raise typer.Exit(exits.NO)


def _print_declared(found: dict[str, Any]) -> None:
    from carehub.output import print_line, print_table

    print_line(f"{found['pack']}: {found['samples']} samples")
    print_line("")
    columns = ["source", "fields", "mapped", "in samples", "only tested", "not mapped"]
    rows = [
        [
            part["name"],
            sum(len(part[kind]) for kind in ("mapped", "tested", "unmapped")),
            len(part["mapped"]),
            len(part["mapped"]) - len(part["unused"]),
            part["tested"],
            part["unmapped"],
        ]
        for part in found["parts"]
    ]
    print_table(columns, rows, none="nothing is read field by field: resources pass as they come")
    unused = [name for part in found["parts"] for name in part["unused"]]
    print_line(f"\nmapped, and in no sample: {', '.join(unused) or '-'}\n")
    resources = [[each["resource"], len(each["elements"]), each["of"], each["elements"]] for each in found["resources"]]
    print_table(["resource", "filled", "of", "elements"], resources, none="no resources are made")
    print_line("")
    kinds = ["name", "rows", "unverified", "unknown", "unmapped"]
    lists = [[each[kind] for kind in kinds] for each in found["codes"]]
    print_table(["code list", "rows", "unverified", "unknown", "unmapped in samples"], lists, none="no code lists")


def _print_scored(found: dict[str, Any], *, missing: bool) -> None:
    from carehub.output import print_line, print_table, say
    from mappings.language.coverage.report import percent

    rows = [
        [t["table"], t["rows"], t["counted"], t["covered"], f"{percent(t['covered'], t['counted'])} %"]
        for t in found["tables"]
    ]
    total = [sum(t[kind] for t in found["tables"]) for kind in ("rows", "counted", "covered")]
    rows.append(["total", *total, f"{found['percent']} %"])
    print_table(["table", "rows", "counted", "covered", ""], rows, none="the pack uses none of the guide's segments")
    print_line("\nleft out:")
    print_table(["row", "reason"], [[each["row"], each["note"]] for each in found["left_out"]], none="nothing")
    if missing:
        print_line("\nnot covered:")
        columns = ["row", "why", "condition"]
        print_table(columns, [[each["row"], each["note"], each["condition"]] for each in found["missing"]], none="none")
    unused = ", ".join(f"{name} ({rows})" for name, rows in found["unused"])
    print_line(f"\nnot in question, as no message file uses them: {unused or '-'}")
    unclear = ", ".join(each["row"] for each in found["unclear"])
    print_line(f"conditions that cannot be read, taken as fulfilled: {unclear or '-'}")
    for failing in found["failing"]:
        say(f"the sample {failing} does not give what is expected of it, so it proves nothing")
    for mistake in found["mistakes"]:
        say(mistake)
    say(
        f"{found['covered']} of {found['counted']} rows covered by {found['samples']} samples, "
        f"{found['percent']} %; {len(found['left_out'])} rows left out"
    )

"""The restrict stage: from mapped events to the drafts that may be published, by rules that are data: rules.yaml, and
what the layers of a pack add to them.

Element and event rules are settled here. Person rules set or lift a flag that the gateway keeps under the person's
lock; `withhold` and `rule_routes` let it apply all of a person's flags, whichever source set them, to any bundle.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from decimal import Decimal
from typing import Any

import orjson

from mappings.restriction.finding import Finding, findings
from mappings.restriction.person import identity
from mappings.restriction.redaction import remove_elements, remove_resources
from mappings.restriction.rules import Action, Rule, RuleBook, RuleMistake, Scope, laid_over, national, rules
from mappings.stages import Draft, FlagChange, Json, Mapped, MappedEvent

__all__ = ["Rule", "RuleBook", "RuleMistake", "laid_over", "national", "restrict", "rule_routes", "withhold"]


def restrict(mapped: Mapped, book: RuleBook | None = None) -> tuple[Draft, ...]:
    """The drafts of a message, in the order of its events, by the rules of the pack that mapped it, else the national.

    An event with a confidential element yields two: without that element for the ordinary topic, then whole for the
    restricted one. Both carry the same flags and states. A person rule found in the event already applies to it.
    """
    return tuple(draft for event in mapped.events for draft in _drafts(event, book or national()))


def withhold(bundle: dict[str, Json], names: Collection[str]) -> dict[str, Json]:
    """The bundle without what these person rules withhold, wherever it stands; the same object if nothing does.

    The bundle given is not changed, and doing it twice changes nothing more. Rules that only route withhold nothing.
    Raises ValueError for a name that is no person rule: a flag nobody can apply must not be passed over.
    """
    withheld = [element for name in names for element in _person_rule(name).withholds]
    if not withheld:
        return bundle
    without = copy.deepcopy(bundle)
    return without if remove_elements(without, withheld) else bundle


def rule_routes(name: str) -> bool:
    """Whether this person rule sends all events of the person to the restricted topic.

    Raises ValueError for a name that is no person rule.
    """
    return _person_rule(name).routes


def _drafts(event: MappedEvent, book: RuleBook) -> tuple[Draft, ...]:
    found = findings(event.bundle, book)
    if not found:
        return (_draft(event, event.bundle),)
    flags = _flags(event, found)
    rules_on = {f.rule.name: f.rule for f in found if f.on}
    routed = any(rule.routes for rule in rules_on.values())
    bundle, redacted = event.bundle, []
    for name, rule in rules_on.items():
        if rule.scope is Scope.PERSON and rule.action is Action.REDACT:
            before, bundle = bundle, withhold(bundle, (name,))
            if bundle is not before:
                redacted.append(name)
    whole = _draft(event, bundle, restricted=True, redacted=tuple(redacted), flags=flags)
    if routed:
        return (whole,)
    elements = [f for f in found if f.rule.scope is Scope.ELEMENT]
    if not elements:
        return (_draft(event, bundle, redacted=tuple(redacted), flags=flags),)
    ordinary = _without(bundle, elements, event)
    names = (*redacted, *dict.fromkeys(f.rule.name for f in elements))
    return (_draft(event, ordinary, redacted=names, flags=flags), whole)


def _draft(
    event: MappedEvent,
    bundle: Json,
    restricted: bool = False,
    redacted: tuple[str, ...] = (),
    flags: tuple[FlagChange, ...] = (),
) -> Draft:
    return Draft(
        type=event.type,
        happened=event.happened,
        body=orjson.dumps(bundle, default=_exact_decimal),
        subject=identity(bundle, event.subject),
        prior=identity(bundle, event.prior),
        also=identity(bundle, event.also),
        restricted=restricted,
        redacted=redacted,
        flags=flags,
        addressed_to=event.addressed_to,
        states=event.states,
    )


def _flags(event: MappedEvent, found: list[Finding]) -> tuple[FlagChange, ...]:
    """Flags of the person the event is about. A label on somebody else's Patient (a mother's) sets none. Where one
    message both sets and lifts, it sets."""
    about = {event.subject, event.prior} - {None}
    changes: dict[str, bool] = {}
    for finding in found:
        if finding.rule.scope is Scope.PERSON and finding.resource.get("id") in about:
            changes[finding.rule.name] = finding.on or changes.get(finding.rule.name, False)
    return tuple(FlagChange(name, on) for name, on in changes.items())


def _without(bundle: Json, elements: list[Finding], event: MappedEvent) -> Json:
    """A copy without the labelled resources. The copy of a label is equal to it, so the label finds them again. Whom
    the event is about stays: it is under that person's key that readers get what is left."""
    labelled = [f.resource for f in elements]
    without = copy.deepcopy(bundle)
    about = [f"Patient/{id_}" for id_ in (event.subject, event.prior, event.also) if id_]
    remove_resources(without, lambda resource: resource in labelled, about)
    return without


def _person_rule(name: str) -> Rule:
    rule = rules().get(name)
    if rule is None or rule.scope is not Scope.PERSON:
        known = ", ".join(r.name for r in rules().values() if r.scope is Scope.PERSON)
        raise ValueError(f"{name!r} is not a person rule of mappings/restriction/rules.yaml; these are: {known}")
    return rule


def _exact_decimal(value: Any) -> orjson.Fragment:
    """FHIR decimals keep their precision: 1.50 stays 1.50."""
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"a bundle cannot hold a {type(value).__name__}")

"""Independent judges of what carehub publishes: HL7's own rules, not ours.

gather      the bundles: every golden, and what the corpus becomes
tools       what the judges need, fetched once
hapi        the HAPI FHIR instance validator, against R4 and UK Core, in one JVM
schema      the official R4 JSON schema
own         what neither can see: check digits, identifier systems, shapes of codes
faults      mistakes planted on purpose, to see that the judges see
judging     all judges over everything, in one go
verdicts    what a judge said, and whose fault it is
report      all of it for a person or a script
"""

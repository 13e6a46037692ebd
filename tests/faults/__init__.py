"""Faults on purpose: a whole hub of real processes under load, faults drawn from a seed, a checker of what came out.

    schedule    which fault, when, on whom: drawn from the seed alone
    hub         two gateways, two relays, two consumer instances, PostgreSQL, Kafka, and a proxy on every connection
    senders     persons whose events are numbered, sent by HTTP, MLLP and in files, each resent until it is answered
    inject      how each kind of fault is done, and undone
    check       the topics and the apps' tables against what senders were told
    sabotage    the hub with one guarantee taken out: what the checker itself is tested with

`python -m tests.faults` runs it; `make faults` too.
"""

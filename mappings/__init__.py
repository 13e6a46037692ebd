"""From a sender's bytes to FHIR R4 drafts: decoders, the mapping language, packs, validation, restriction.

Everything here is synchronous and pure: no web, no database, no Kafka, no clock, no randomness.
"""

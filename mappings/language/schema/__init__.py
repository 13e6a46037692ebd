"""JSON Schemas of the pack files, for editors: generated from the grammar and the FHIR model, never written by hand.

They are weaker than the compiler (every expression is a text to them) and agree with it in what they refuse.
"""

"""Is it valid FHIR R4? `reference` asks fhir.resources, slowly; `fast` a validator generated from its metadata.

The differential test holds that what the fast one accepts, the reference accepts.
"""

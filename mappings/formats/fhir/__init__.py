"""FHIR R4 message Bundles, as JSON or XML. `decode.decode_fhir` is the way in; `xml` turns XML into the JSON form."""

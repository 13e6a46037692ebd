"""What the language knows of FHIR R4: element names, cardinality, types, choices and required bindings."""

"""HL7 v2 over MLLP: framing, acknowledgements, one connection, the listeners of a gateway."""

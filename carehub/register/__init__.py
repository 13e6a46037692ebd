"""The register: sources, places and operators, as the command line adds and changes them; gateways read it."""

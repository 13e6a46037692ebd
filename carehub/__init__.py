"""The top: command line, settings, composition root, logging, local broker. Knows everybody; nobody imports it."""

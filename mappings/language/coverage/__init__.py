"""How much a pack covers: of what its format may say, and of a guide's mapping tables, row by row."""

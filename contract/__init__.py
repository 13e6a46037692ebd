"""What both sides agree on: the event envelope, topic names, identifiers and errors. Nothing else."""

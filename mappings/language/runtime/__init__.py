"""What compiled packs run on: the state of one event, segments and groups, and the message Bundle."""

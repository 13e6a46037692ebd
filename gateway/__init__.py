"""Where senders' messages come in: transports, the straight line, the store with its outbox, the relay, operations."""

"""The gateway's memory: models, the two databases, and `keep`, which makes a message and its events durable."""

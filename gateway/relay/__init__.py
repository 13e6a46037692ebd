"""From the outbox to Kafka: each group of shards has one owner, and each person's events leave in their order."""

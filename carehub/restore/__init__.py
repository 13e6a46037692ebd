"""After a backup was restored: what the store says was published is compared with what Kafka holds, and put right."""

"""The broker of this machine: a configured one, a local Apache Kafka, or the stand-in kept in memory."""

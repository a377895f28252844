"""The event log on Apache Kafka: any number of workers, one transaction a commit."""

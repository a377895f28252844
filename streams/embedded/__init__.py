"""The event log in one process without a broker: one RocksDB holds topics, state, positions."""

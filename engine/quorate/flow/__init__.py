"""The sans-I/O state machine: events in, records and actions out."""

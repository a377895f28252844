"""The running system: the log, lanes, stages, pollers, HTTP in, CLI and the composition root."""

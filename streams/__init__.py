"""The running system: log, lanes, stages, pollers, HTTP in, CLI, the composition root."""

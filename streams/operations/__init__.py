"""What an operator does to a log: look at and redrive what was rejected, replay, rebuild."""

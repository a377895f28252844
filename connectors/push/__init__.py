"""A till of one's own: transactions handed in over the API, or read out of a CSV file."""

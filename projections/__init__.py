"""Folds from transaction changes to the rows that people and services read."""

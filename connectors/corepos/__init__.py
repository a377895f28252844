"""CORE-POS (IS4C): a shop that runs its own tills and its own database."""

"""How fast it is, beside what it could be at most on the same machine in the same minute."""

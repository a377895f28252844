"""What each provider says and what it means: pure functions, and one file that talks HTTP."""

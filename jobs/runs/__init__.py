"""One run: what it froze, and what is kept of it."""

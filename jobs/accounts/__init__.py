"""Entries → balances, coverage, carbon records."""

"""Tokens → persons."""

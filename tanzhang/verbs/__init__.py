"""The verbs, one file for what belongs together."""

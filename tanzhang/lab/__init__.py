"""Made-up worlds, to show and to measure."""

"""Activities → entries: kilograms, points, emissions; what should stand less what does."""

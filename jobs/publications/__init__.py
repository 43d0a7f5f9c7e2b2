"""A run's tables → what readers see, all or nothing."""

"""Questions that the registry answers by itself."""

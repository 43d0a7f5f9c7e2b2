"""The registry as documents."""

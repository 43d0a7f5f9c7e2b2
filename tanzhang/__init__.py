"""The `tanzhang` command: what a data engineer, a regulator or a person types."""

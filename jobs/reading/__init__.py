"""What is asked of a published lake; nothing here writes a table."""

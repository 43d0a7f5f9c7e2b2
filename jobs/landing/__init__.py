"""Bytes of an institution → landed rows, in plain Python: no engine, and no identifier gets past it."""

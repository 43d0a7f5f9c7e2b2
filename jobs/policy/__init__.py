"""The registry in the shape that the jobs join with."""

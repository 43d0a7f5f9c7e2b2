"""The failures that are foreseen. Imports nothing: a verb that fails early, or only tells its help, waits for no library."""

from __future__ import annotations


class Foreseen(Exception):
    """What can fail though the code is right: the text says what is wrong, and what somebody does about it."""

    exit_code = 2
    """What the command ends with."""


class RegistryError(Foreseen):
    """A declarative file cannot be used; the text names the file, the key and the mend."""

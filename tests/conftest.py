"""Shared by all tests: keys that exist only here."""

from __future__ import annotations

import os

os.environ["TANZHANG_TOKEN_KEY"] = "5a" * 32
os.environ["TANZHANG_RECORD_KEY"] = "a5" * 32

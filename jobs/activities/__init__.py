"""Claims → activities; every claim has one outcome."""

"""Landed rows → claims, customers' events and redemptions; every row has one disposition."""

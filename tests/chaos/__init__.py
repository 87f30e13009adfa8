"""Breaks the running system on purpose and checks afterwards that every promise was kept."""

"""Wakes up when an order's time to pay is over.

Owns one timer for each order; hears orders; announces when a time is over.
"""

"""The expiration service: fires a timer when an order's time to pay is over.

Owns one timer for each order. Consumes orders; publishes expirations.
"""

"""The payments service: charges the buyer once, and only for a ticket that is the buyer's.

Owns payments and a replica of orders. Consumes orders; publishes authorized and declined payments.
"""

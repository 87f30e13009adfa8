"""Takes the money, once, and only for a ticket that is the buyer's.

Owns payments and a replica of orders; hears orders; announces payments that are held or declined.
"""

"""What is for sale, and who holds it.

Owns tickets; hears when orders are created, completed and cancelled; announces every change of a
ticket.
"""

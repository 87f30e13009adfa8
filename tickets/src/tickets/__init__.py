"""The tickets service: what is for sale, and which order holds it.

Owns tickets. Consumes created, completed and cancelled orders; publishes every change of a ticket.
"""

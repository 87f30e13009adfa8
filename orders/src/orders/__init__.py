"""The orders service: who buys which ticket, until the order is paid, cancelled or expired.

Owns orders and a read model (replica) of tickets. Consumes events of tickets, expirations and
payments; publishes every change of an order. Only this service changes an order's status.
"""

"""Who is buying what, until it is paid, cancelled or expired.

Owns orders and a replica of tickets; hears tickets, expirations and payments; announces every
change of an order's status. Only this service changes it.
"""

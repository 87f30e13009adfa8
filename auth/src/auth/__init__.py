"""The auth service: sign up, sign in, sign out, current user.

Owns users. Neither consumes nor publishes events; it alone has the key that signs sessions.
"""

"""Who you are: sign up, sign in, sign out, current user.

Owns users. Neither hears nor announces events; it alone has the key that signs sessions.
"""

"""Takes the safeguard of every promise away: the tests that the promise names must notice."""

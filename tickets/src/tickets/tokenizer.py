"""Splits a title or a search into words; case and accents do not count."""

import re
from itertools import chain
from unicodedata import combining, normalize

MAX_TOKEN_LENGTH = 32
"""Characters of a word that are compared."""

_WORD = re.compile(r"[^\W_]+")


def tokenize(text: str) -> list[str]:
    """The distinct words: `"Café  CAFE, dos"` -> `["cafe", "dos"]`."""
    apart = normalize("NFKD", normalize("NFKD", text).casefold())
    plain = "".join(each for each in apart if not combining(each))
    return list(dict.fromkeys(word[:MAX_TOKEN_LENGTH] for word in _WORD.findall(plain)))


def prefixes(text: str) -> list[str]:
    """The prefixes of all words: `"To do"` -> `["t", "to", "d", "do"]`."""
    found = ((word[: end + 1] for end in range(len(word))) for word in tokenize(text))
    return list(dict.fromkeys(chain.from_iterable(found)))

"""The words of a title or of a search, as people compare them: case and accents do not count."""

import re
from itertools import chain
from unicodedata import combining, normalize

LONGEST = 32
"""Characters of a word that count; longer words are told apart by these."""

_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Each different word once: `"Café  CAFE, dos"` -> `["cafe", "dos"]`."""
    apart = normalize("NFKD", normalize("NFKD", text).casefold())
    plain = "".join(each for each in apart if not combining(each))
    return list(dict.fromkeys(word[:LONGEST] for word in _WORD.findall(plain)))


def beginnings_of(text: str) -> list[str]:
    """All that a word of the text may be searched by: `"To do"` -> `["t", "to", "d", "do"]`."""
    beginnings = ((word[: end + 1] for end in range(len(word))) for word in words_of(text))
    return list(dict.fromkeys(chain.from_iterable(beginnings)))

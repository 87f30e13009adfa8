// Whether a title fits a search, as the tickets service sees it: case and accents do not count.

/** Every word of `search` begins a word of `title`. */
export function fits(title, search) {
  const words = wordsOf(title);
  return wordsOf(search).every((wanted) => words.some((word) => word.startsWith(wanted)));
}

function wordsOf(text) {
  const plain = text.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "");
  return plain.match(/[\p{L}\p{N}]+/gu) ?? [];
}

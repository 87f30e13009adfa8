// Whether a title matches a search, as the tickets service sees it: case and accents do not count.

/** Every word of `search` begins a word of `title`. */
export function matches(title, search) {
  const words = tokenize(title);
  return tokenize(search).every((wanted) => words.some((word) => word.startsWith(wanted)));
}

function tokenize(text) {
  const plain = text.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "");
  return plain.match(/[\p{L}\p{N}]+/gu) ?? [];
}

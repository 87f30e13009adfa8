// Money and times as the visitor's locale writes them.

const dollars = new Intl.NumberFormat(undefined, { style: "currency", currency: "USD" });
const dateAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** 19.99 as "$19.99". */
export function money(price) {
  return dollars.format(price);
}

/** A moment in ISO 8601 as a date and a time of day. */
export function moment(iso) {
  return dateAndTime.format(new Date(iso));
}

/** Milliseconds as minutes and seconds: "14:05". */
export function minutesAndSeconds(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** What tells two tickets of one title apart: the end of the id. */
export function serial(id) {
  return `No. ${id.slice(-6).toUpperCase()}`;
}

/** A price as a person types it, as the API reads it: "19,99" is "19.99". */
export function typedPrice(text) {
  return text.trim().replace(/^\$\s*/, "").replace(/^(\d+),(\d{1,2})$/, "$1.$2");
}

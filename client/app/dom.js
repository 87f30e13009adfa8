// Builds elements in one expression.

/** h("a", { href: "/", onclick: go }, "text", element, null): what is null or false is left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== false));
  return element;
}

/** An id that no other element has, for labels and descriptions. */
export function freshId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

let lastId = 0;

/** Put other things into a container; who had the keyboard there keeps it there. */
export function swap(container, ...children) {
  const hadFocus = container.contains(document.activeElement);
  container.replaceChildren(...children.filter(Boolean));
  if (!hadFocus) return;
  container.tabIndex = -1;
  container.focus({ preventScroll: true });
}

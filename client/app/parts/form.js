// A form that cannot be sent twice and shows each failure next to its field.

import { HttpError } from "../api.js";
import { freshId, h } from "../dom.js";

/** A labelled input; `name` is what the API calls the field. */
export function field({ name, label, hint = null, ...attributes }) {
  const id = freshId(name);
  const input = h("input", { id, name, class: "input", required: true, ...attributes });
  const problem = h("p", { id: `${id}-problem`, class: "problem" });
  const about = hint && h("p", { id: `${id}-hint`, class: "hint" }, hint);
  const described = [about?.id, problem.id].filter(Boolean).join(" ");
  input.setAttribute("aria-describedby", described);
  input.addEventListener("input", () => setProblem(input, problem, ""));
  const element = h("div", { class: "field" }, h("label", { for: id }, label), input, about, problem);
  return { name, element, input, refuse: (message) => setProblem(input, problem, message) };
}

/**
 * A form of fields and other `content`, with one button. `submit` gets the values; while it runs,
 * pressing again does nothing; what it throws is shown.
 */
export function form({ fields = [], content = [], button, busy, quiet = false, submit }) {
  const problem = h("p", { class: "problem", role: "alert" });
  const label = h("span", {}, button);
  const press = h("button", { class: quiet ? "button quiet" : "button", type: "submit" }, label);
  const parts = [...fields.map(({ element }) => element), ...content];
  const element = h("form", { class: "form", novalidate: true }, parts, problem, press);
  let running = false;

  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    running = true;
    press.setAttribute("aria-disabled", "true");
    label.textContent = busy;
    clear(fields, problem);
    try {
      await submit(Object.fromEntries(fields.map(({ name, input }) => [name, input.value])));
    } catch (error) {
      show(error, fields, problem);
    } finally {
      running = false;
      press.removeAttribute("aria-disabled");
      label.textContent = button;
    }
  });
  return element;
}

function clear(fields, problem) {
  problem.textContent = "";
  for (const { refuse } of fields) refuse("");
}

function show(error, fields, problem) {
  const errors = error instanceof HttpError ? error.errors : [{ message: error.message }];
  const rest = [];
  const wrong = [];
  for (const { message, field: name } of errors) {
    const about = fields.find((candidate) => candidate.name === name);
    if (!about) rest.push(message);
    else if (!wrong.includes(about)) wrong.push(about);
    about?.refuse(message);
  }
  problem.textContent = rest.map(sentence).join(" ");
  wrong[0]?.input.focus();
}

function setProblem(input, problem, message) {
  problem.textContent = message && sentence(message);
  if (message) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function sentence(message) {
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

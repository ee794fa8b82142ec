// Small things that every screen uses: words, elements, times and amounts.

const words = JSON.parse(document.getElementById("words").textContent);
export const language = document.documentElement.lang;

// The text in the page's language, with what stands in {braces} filled in.
export function t(text, values = {}) {
  return (words[text] || text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// An element; `class`, `on…` listeners, properties and attributes by name. Text is text, never markup.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

let zone;
export function setZone(name) {
  zone = name;
}

const format = (at, options) => new Intl.DateTimeFormat(language, { timeZone: zone, ...options }).format(new Date(at));
export const timeOf = (at) => format(at, { hour: "2-digit", minute: "2-digit" });
export const dayAndTimeOf = (at) => format(at, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
export const dayOf = (on) =>
  new Intl.DateTimeFormat(language, { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" }).format(new Date(`${on}T00:00:00Z`));

// "16 – 22 Nov 2026": business dates, the end exclusive, as the API tells them.
export function periodOf(from, until) {
  const [first, last] = [new Date(`${from}T00:00:00Z`), new Date(Date.parse(`${until}T00:00:00Z`) - 86_400_000)];
  return new Intl.DateTimeFormat(language, { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" }).formatRange(first, last);
}
export const longDayOf = (at) => format(at, { weekday: "long", day: "numeric", month: "long" });
export const numberOf = (number) => new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(number);

export function moneyOf({ amount, currency }) {
  return new Intl.NumberFormat(language, { style: "currency", currency }).format(Number(amount));
}

// 3 h 05 min
export function lengthOf(seconds) {
  const minutes = Math.floor(seconds / 60);
  return t("{h} h {min} min", { h: Math.floor(minutes / 60), min: String(minutes % 60).padStart(2, "0") });
}

// How long ago something was read, in words.
export function ageOf(at) {
  const minutes = Math.floor((Date.now() - at) / 60000);
  if (minutes < 1) return t("just now");
  const told = new Intl.RelativeTimeFormat(language, { numeric: "always" });
  if (minutes < 60) return told.format(-minutes, "minute");
  return minutes < 48 * 60 ? told.format(-Math.floor(minutes / 60), "hour") : told.format(-Math.floor(minutes / 1440), "day");
}

export const card = (title, ...children) => h("section", { class: "card" }, title && h("h2", {}, title), ...children);

export const facts = (...rows) =>
  h("dl", { class: "facts" }, rows.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));

export const badge = (text, kind = "") => h("span", { class: `badge ${kind}` }, text);
export const button = (text, onclick, kind = "") => h("button", { type: "button", class: `button ${kind}`, onclick }, text);
export const nothing = (text) => h("p", { class: "quiet" }, text);

let serial = 0;
export function field(label, control, hint) {
  control.id ||= `field-${serial++}`;
  const told = hint && h("p", { class: "hint", id: `${control.id}-hint` }, hint);
  if (told) control.setAttribute("aria-describedby", told.id);
  return h("div", { class: "field" }, h("label", { htmlFor: control.id }, label), control, told);
}

// A form that calls `act(values)`; what goes wrong is told in it.
export function form(fields, button, act) {
  const told = h("p", { class: "error", role: "alert" });
  const submit = h("button", { type: "submit", class: "button main" }, button);
  const sent = async (event) => {
    event.preventDefault();
    told.textContent = "";
    submit.disabled = true;
    try {
      await act(event.target);
    } catch (error) {
      told.textContent = wordsOf(error);
    } finally {
      submit.disabled = false;
    }
  };
  return h("form", { onsubmit: sent, noValidate: false }, fields, told, submit);
}

export function wordsOf(error) {
  if (error.code === undefined) return t("No network. Try again when you are connected.");
  const items = (error.errors || []).map((item) => item.detail).filter((detail) => detail !== error.message);
  return [error.message, ...items].join(" ");
}

// Ask before something that cannot be taken back.
export function ask(question, yes) {
  return new Promise((resolve) => {
    const close = (answer) => () => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    const dialog = h("dialog", { "aria-label": question, oncancel: close(false) },
      h("p", {}, question),
      h("div", { class: "row" },
        h("button", { class: "button", type: "button", onclick: close(false) }, t("Not now")),
        h("button", { class: "button main", type: "button", onclick: close(true) }, yes)));
    document.body.append(dialog);
    dialog.showModal();
  });
}

const status = document.getElementById("told");
let fading;
export function tell(text, isBad = false) {
  status.textContent = text;
  status.className = isBad ? "told bad" : "told";
  clearTimeout(fading);
  fading = setTimeout(() => (status.className = "told gone"), isBad ? 12000 : 5000);
}

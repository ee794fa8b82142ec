// The driver's app: shows the last known day at once, asks for the newest, and queues what is done.

import * as api from "./api.js";
import * as booking from "./booking.js";
import * as faces from "./face.js";
import * as pay from "./pay.js";
import * as screens from "./screens.js";
import * as store from "./store.js";
import { ageOf, h, setZone, t, tell, wordsOf } from "./page.js";

const main = document.getElementById("main");
const line = document.getElementById("line");
const menu = document.getElementById("menu");
const config = JSON.parse(document.getElementById("config").textContent);
const EVERY_MS = 30_000;
const state = { day: null, tag: null, at: 0, online: navigator.onLine, companies: [], drawn: 0 };

// --- What there is ------------------------------------------------------------------------------
// An answer of the API, else the last one of this kind with its age.
async function fresh(name, path, isKept) {
  const kept = keptAs(name);
  if (isKept) return (await store.get("kept", kept)) || { data: null, at: 0 };
  try {
    const { data } = await api.call("GET", path);
    online(true);
    await store.put("kept", { data, at: Date.now() }, kept);
    return { data, at: Date.now() };
  } catch (error) {
    if (!(error instanceof api.Unreachable)) throw error;
    online(false);
    return (await store.get("kept", kept)) || { data: null, at: 0 };
  }
}

// What is kept of one company is never shown at another.
const keptAs = (name) => `${api.companyNow()}/${name}`;

async function readDay() {
  const company = api.companyNow();
  try {
    const { data, tag } = await api.call("GET", "me/today", undefined, { tag: state.day && state.tag });
    online(true);
    if (company !== api.companyNow()) return;
    if (data) Object.assign(state, { day: data, tag });
    setZone(state.day?.driver?.time_zone);
    state.at = Date.now();
    await store.put("kept", { day: state.day, tag: state.tag, at: state.at }, keptAs("today"));
  } catch (error) {
    if (!(error instanceof api.Unreachable)) throw error;
    online(false);
  }
}

function online(is) {
  state.online = is;
}

// The day as it will be once the queue is sent.
async function expectedDay() {
  if (!state.day) return null;
  const day = structuredClone(state.day);
  for (const event of await queuedHere()) {
    if (!event.refused && event.kind.startsWith("shift.") && day.hours) expect(day, event.kind.slice(6), event.occurred_at);
    if (!event.refused && event.kind === "notice.read" && day.notices) {
      day.notices.latest = day.notices.latest.filter((notice) => notice.id !== event.data.notice);
    }
    if (!event.refused && event.kind === "reservation.cancel" && day.bookings) {
      day.bookings = day.bookings.filter((booking) => booking.id !== event.data.reservation);
    }
    if (!event.refused && event.kind === "reservation.check_in") {
      const meant = day.bookings?.find((booking) => booking.id === event.data.reservation);
      if (meant) Object.assign(meant, { status: "fulfilled", unsent: true });
    }
  }
  return day;
}

const queuedHere = async () => (await store.queued()).filter((event) => event.provider === api.companyNow());

function expect(day, move, at) {
  const { hours } = day;
  const passed = (since) => (since ? Math.max(0, (Date.parse(at) - Date.parse(since)) / 1000) : 0);
  hours.worked_s += passed(hours.working_since);
  hours.break_s += passed(hours.pausing_since);
  hours.working_since = move === "start" || move === "resume" ? at : null;
  hours.pausing_since = move === "break" ? at : null;
  if (move === "end") Object.assign(day, { shift: null, start: { allowed: false, reasons: [] } });
  else if (move === "start") day.shift = { ...day.shift, status: "active", starts_at: at, unsent: true };
  else if (day.shift) day.shift = { ...day.shift, status: move === "break" ? "on_break" : "active", unsent: true };
}

// --- What is done -------------------------------------------------------------------------------
async function act(kind, data = {}) {
  const event = await api.enqueue(kind, data);
  await draw();
  const refused = await send();
  if (refused.length) return;
  const waits = (await store.queued()).some((each) => each.client_id === event.client_id);
  tell(waits ? t("Kept. It is sent when you are connected.") : t("Done."));
}

// Send the queue and read the day again.
async function send() {
  let refused = [];
  try {
    refused = await api.flush();
    if ((await store.queued()).some((event) => !event.answer)) refused = [...refused, ...(await api.flush())];
    online(true);
    for (const event of refused) tell(screens.refusedWords(event), true);
  } catch (error) {
    if (!(error instanceof api.Unreachable)) return over(error), [];
    online(false);
  }
  await refreshDay();
  return refused;
}

async function refreshDay() {
  if (state.choosing) return;
  try {
    await readDay();
  } catch (error) {
    return over(error);
  }
  await draw();
}

async function over(error) {
  if (!api.isOver(error)) return tell(wordsOf(error), true);
  await store.remove("session", "refresh");
  await start();
}

// --- Drawing ------------------------------------------------------------------------------------
const SCREENS = {
  today: async () => screens.today(await expectedDay(), state.online, act),
  bookings: async (_id, isKept) => {
    const { data } = await fresh("stations", "me/stations?page_size=100", isKept);
    const lead = { redraw: () => draw(true), booked: refreshDay, over };
    return booking.bookings({ day: await expectedDay(), stations: data?.results, online: state.online }, act, lead);
  },
  money: async (_id, isKept) => {
    const [balance, payments] = await Promise.all([fresh("balance", "me/balance", isKept), fresh("payments", "me/payments?page_size=24", isKept)]);
    return payments.data ? pay.money({ balance: balance.data, payments: payments.data.results }) : notHere(isKept);
  },
  payslip: async (id, isKept) => {
    const [{ data }, told] = await Promise.all([fresh(`payslip-${id}`, `me/payments/${id}`, isKept), fresh("pay-talks", "me/conversations?topic=pay&page_size=200", isKept)]);
    const about = (told.data?.results || []).filter((each) => each.about_type === pay.LINE).reverse();
    return data ? pay.payslip(data, new Map(about.map((each) => [each.about_id, each])), act) : notHere(isKept);
  },
  papers: async (_id, isKept) => {
    const [demanded, own] = await Promise.all([fresh("demanded", "me/papers/demanded", isKept), fresh("papers", "me/papers?page_size=50", isKept)]);
    return screens.papers({ demanded: demanded.data?.papers || [], own: own.data?.results || [] }, act);
  },
  chat: async (id, isKept) => {
    if (id) return conversation(Number(id), isKept);
    const { data } = await fresh("chat", "me/conversations?ordering=-last_message_at", isKept);
    return screens.chat(data?.results || [], act);
  },
  queue: async () => screens.queue(await store.queued(), companyOf, { send, drop: async (event) => (await store.remove("queue", event.client_id), draw()) }),
  face: async (_id, isKept) => {
    const { data } = await fresh("face", "me/face", isKept);
    return data ? faces.face({ shown: data, online: state.online }, { changed: refreshDay, over }) : notHere(isKept);
  },
  more: async (_id, isKept) => {
    const { data } = await fresh("face", "me/face", isKept);
    const hasFace = Boolean(data?.wanted || data?.enrolled_at);
    return screens.more(state.day, config.languages, { logOut, change: chooseCompany, companies: state.companies.length > 1, hasFace });
  },
};

// The name of the company that something is for, where it is not the one that is shown.
const companyOf = ({ provider }) => provider !== api.companyNow() && state.companies.find(({ id }) => id === provider)?.name;

const notHere = (isComing) =>
  h("p", { class: "card quiet" }, isComing ? t("One moment …") : t("No network. Try again when you are connected."));

async function conversation(id, isKept) {
  const { data } = await fresh(`chat-${id}`, `me/conversations/${id}/messages?page_size=200`, isKept);
  const messages = data?.results || [];
  const waiting = (await store.queued()).filter((event) => event.kind === "chat.message" && event.data.conversation === id && !event.refused);
  const last = messages.at(-1)?.seq;
  if (state.online && last && last !== state.read?.[id]) {
    state.read = { ...state.read, [id]: last };
    api.call("POST", `me/conversations/${id}/read`, { seq: last }).catch(() => {});
  }
  return screens.conversation(id, messages, waiting, act);
}

const WITHOUT_DAY = ["chat", "queue", "more"];
const place = () => location.hash.slice(1).split("/");

// Draws the screen of the address; of two that were asked for, the later one.
async function draw(isKept = false) {
  if (state.choosing) return;
  const mine = ++state.drawn;
  const [name, id] = place();
  const screen = SCREENS[name] ? name : "today";
  let element;
  try {
    if (!state.day && !WITHOUT_DAY.includes(screen)) element = notHere(state.online);
    else element = await SCREENS[screen](id, isKept);
  } catch (error) {
    if (api.isOver(error)) return over(error);
    element = h("p", { class: "error", role: "alert" }, wordsOf(error));
  }
  if (state.choosing) return;
  if (mine !== state.drawn || isBeingFilledIn()) return drawLine();
  carryOver(main, element);
  main.replaceChildren(element);
  for (const link of menu.querySelectorAll("a")) {
    const current = link.hash === `#${screen === "payslip" ? "money" : screen}`;
    link.toggleAttribute("aria-current", current);
    if (current) link.setAttribute("aria-current", "page");
  }
  menu.hidden = false;
  return drawLine();
}

// What was filled in, chosen or unfolded stays so on a screen that is drawn anew.
function carryOver(from, to) {
  if (!state.same) return;
  for (const each of from.querySelectorAll("details[open]")) {
    const same = to.querySelector(`details[data-name="${each.dataset.name}"]`);
    if (same) same.open = true;
  }
  for (const kind of ["textarea", "input", "select"]) {
    const [old, now] = [from.querySelectorAll(kind), to.querySelectorAll(kind)];
    if (old.length !== now.length) continue;
    old.forEach((each, n) => {
      if (each.type === "file") now[n].files = each.files;
      else if (each.type === "checkbox") now[n].checked = each.checked;
      else if (kind !== "select" || [...now[n].options].some((option) => option.value === each.value)) now[n].value = each.value;
    });
  }
}

// What somebody is typing is not drawn over, nor a form that is held while it is sent.
function isBeingFilledIn() {
  const [name, id] = place();
  const same = (state.same = main.dataset.place === `${name}/${id || ""}`);
  main.dataset.place = `${name}/${id || ""}`;
  const fields = [...main.querySelectorAll("textarea, input:not([type=hidden])")];
  return same && (Boolean(main.querySelector(".held")) || fields.some((field) => field.value && field === document.activeElement));
}

async function drawLine() {
  const waiting = (await store.queued()).length;
  const parts = [
    h("span", { class: state.online ? "dot on" : "dot off", "aria-hidden": "true" }),
    h("span", { class: "state" }, state.online ? t("Connected") : t("No network"), state.at > 0 && h("small", {}, t("as of {age}", { age: ageOf(state.at) }))),
    waiting > 0 && h("a", { class: "badge warn", href: "#queue" }, t("{n} to be sent", { n: waiting })),
    h("a", { class: "more", href: "#more", "aria-label": t("More") }, "☰"),
  ];
  line.replaceChildren(...parts.filter(Boolean));
  line.hidden = false;
}

// --- From log-in to log-out ---------------------------------------------------------------------
async function readCompanies() {
  const { providers } = await api.fetchData("auth/me");
  state.companies = providers.filter((provider) => provider.roles.includes("driver"));
  await store.put("kept", state.companies, "companies");
}

async function entered() {
  await readCompanies();
  if (!state.companies.length) {
    await api.logOut();
    throw Object.assign(new Error(t("This app is for drivers. You have no driver record.")), { code: "no_driver_record" });
  }
  if (state.companies.length === 1) await api.driveFor(state.companies[0].id);
  await begin();
}

function chooseCompany() {
  state.choosing = true;
  hideAround();
  main.replaceChildren(screens.choose(state.companies, async (id) => {
    await api.driveFor(id);
    Object.assign(state, { day: null, tag: null, at: 0, choosing: false });
    location.hash = "today";
    await begin();
  }));
}

function hideAround() {
  line.hidden = menu.hidden = true;
}

async function begin() {
  if (state.companies.length > 1 && !api.companyNow()) return chooseCompany();
  const kept = await store.get("kept", keptAs("today"));
  if (kept) Object.assign(state, kept);
  setZone(state.day?.driver?.time_zone);
  if (kept) await draw();
  await send();
}

async function logOut() {
  await api.logOut();
  location.hash = "";
  Object.assign(state, { day: null, tag: null, at: 0, companies: [], choosing: false });
  await start();
}

async function start() {
  if (await api.isLoggedIn()) {
    await api.driveAsBefore();
    state.companies = (await store.get("kept", "companies")) || [];
    await begin();
    return readCompanies().catch(() => {});
  }
  hideAround();
  main.replaceChildren(screens.logIn(entered), h("p", { class: "languages" }, config.languages.map(({ code, name }) =>
    h("a", { href: `?lang=${code}`, lang: code, hrefLang: code }, name))));
}

addEventListener("hashchange", async () => {
  state.choosing &&= !api.companyNow();
  delete main.dataset.place;
  if (await api.isLoggedIn()) {
    scrollTo(0, 0);
    await draw(true);
    main.focus();
    await draw();
  }
});
addEventListener("online", send);
addEventListener("offline", () => (online(false), draw()));
document.addEventListener("visibilitychange", async () => {
  if (!document.hidden && (await api.isLoggedIn())) await send();
});
setInterval(async () => {
  if (!document.hidden && (await api.isLoggedIn())) await send();
}, EVERY_MS);

navigator.serviceWorker?.register(config.worker, { scope: config.scope });
await start();

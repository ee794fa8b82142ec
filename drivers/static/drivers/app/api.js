// The API as the phone calls it: the access token lives in memory, the refresh token in the store.
// A refresh token works once; its successor is written down before the first answer is used.

import * as store from "./store.js";

const BASE = "/api/v1/";
const language = document.documentElement.lang;
const WAIT_MS = 15000;
const AWAY = [502, 503, 504];
let access = null;
let company = null;
let refreshing = null;

// The server said no: `status`, and what a problem document tells.
export class Refused extends Error {
  constructor(status, problem, retryS) {
    super(problem.detail || `HTTP ${status}`);
    this.status = status;
    this.retryS = retryS;
    this.code = problem.code || "";
    this.extra = problem.extra || {};
    this.errors = problem.errors || [];
  }
}

// No answer came, or none of ours: no network, or a server that is away for a moment.
export class Unreachable extends Error {}

async function send(method, path, body, headers, { wait = WAIT_MS, away = AWAY } = {}) {
  let answer;
  try {
    answer = await fetch(BASE + path, {
      method,
      headers: {
        "Accept-Language": language,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(wait),
    });
  } catch (error) {
    throw new Unreachable(error.message);
  }
  if (away.includes(answer.status)) throw new Unreachable(`HTTP ${answer.status}`);
  return answer;
}

async function read(answer) {
  const text = await answer.text();
  const data = text ? JSON.parse(text) : null;
  if (!answer.ok) throw new Refused(answer.status, data || {}, Number(answer.headers.get("Retry-After")));
  return data;
}

// --- Who is logged in ---------------------------------------------------------------------------
const random = () => crypto.randomUUID();
export const newId = random;

async function device() {
  let id = await store.get("session", "device");
  if (!id) await store.put("session", (id = random()), "device");
  return { id, name: "Web app" };
}

async function accept(pair) {
  await store.put("session", pair.refresh_token, "refresh");
  access = pair.access_token;
}

async function enter(path, values) {
  await accept(await read(await send("POST", path, { ...values, device: await device() })));
}

export const logIn = (login, password) => enter("auth/token", { login, password });
export const enterCode = (challenge, code) => enter("auth/code-login", { challenge, code });
export const askForCode = async (login) =>
  read(await send("POST", "auth/codes", { login, purpose: "login", device: await device() }));
export const finishLogIn = async (challenge, code) =>
  accept(await read(await send("POST", "auth/second-factor/log-in", { challenge, code })));
// Looking at a photo takes seconds, and a 503 says that nobody can look just now.
const LOOKING = { wait: 60_000, away: [502, 504] };
export const showFace = async (challenge, photo) =>
  accept(await read(await send("POST", "auth/face/log-in", { challenge, photo }, {}, LOOKING)));
export const enrolFace = (consent_version, photos) => call("POST", "me/face", { consent_version, photos }, LOOKING);
export const checkFace = (photo) => call("POST", "me/face/checks", { photo }, LOOKING);
export const forgetFace = () => call("DELETE", "me/face");

export const isLoggedIn = async () => Boolean(await store.get("session", "refresh"));

export async function logOut() {
  try {
    await call("POST", "auth/logout", {});
  } catch (error) {
    if (!(error instanceof Unreachable) && !(error instanceof Refused)) throw error;
  }
  await forget();
}

export async function forget() {
  access = company = null;
  await store.empty();
}

// For whom this page drives. Another tab may drive for another company meanwhile.
export const companyNow = () => company;

export async function driveFor(id) {
  company = id;
  await store.put("session", id, "provider");
}

export async function driveAsBefore() {
  company = (await store.get("session", "provider")) ?? null;
}

// One refresh at a time, in all tabs: the second tab finds the successor that the first one stored.
async function refresh(stale) {
  const take = async () => {
    if (access && access !== stale) return;
    const refresh_token = await store.get("session", "refresh");
    if (!refresh_token) throw new Refused(401, { code: "logged_out" });
    const { id } = await device();
    await accept(await read(await send("POST", "auth/refresh", { refresh_token, device_id: id })));
  };
  refreshing ??= (navigator.locks ? navigator.locks.request("voltop-refresh", take) : take()).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

// --- Calls --------------------------------------------------------------------------------------
// `tag`: the ETag that is known; the answer is null then if it is still so. `provider`: the company
// that it is for.
export async function call(method, path, body, { key, tag, ...how } = {}) {
  const answer = await answerOf(method, path, body, { key, tag, ...how });
  if (answer.status === 304) return { data: null, tag };
  return { data: await read(answer), tag: answer.headers.get("ETag") };
}

async function answerOf(method, path, body, { key, tag, provider = company, ...how } = {}) {
  if (!access) await refresh(null);
  for (let again = false; ; again = true) {
    const used = access;
    const answer = await send(method, path, body, {
      Authorization: `Bearer ${used}`,
      ...(provider ? { "X-Voltop-Provider": String(provider) } : {}),
      ...(key ? { "Idempotency-Key": key } : {}),
      ...(tag ? { "If-None-Match": tag } : {}),
    }, how);
    if (answer.status !== 401 || again) return answer;
    await refresh(used);
  }
}

// What stands in a file, which takes longer than an answer.
export async function fetchFile(path) {
  const answer = await answerOf("GET", path, undefined, { wait: 60_000 });
  return answer.ok ? answer.blob() : read(answer);
}

export const fetchData = async (path) => (await call("GET", path)).data;

// The log-in is over: its refresh token was refused. Anything else may be another day's answer.
export const isOver = (error) =>
  error instanceof Refused && error.status === 401 && ["invalid_refresh_token", "logged_out"].includes(error.code);

// --- The queue ----------------------------------------------------------------------------------
let number = 0;

export async function enqueue(kind, data = {}) {
  const event = { client_id: random(), kind, data, provider: company, occurred_at: new Date().toISOString(), n: number++, answer: null };
  await store.put("queue", event);
  return event;
}

const MOST = 50;
let flushing = null;

// Send what waits; gives what was refused. One at a time, in all tabs. Raises Unreachable.
export function flush() {
  flushing ??= (navigator.locks ? navigator.locks.request("voltop-flush", sendQueue) : sendQueue()).finally(() => {
    flushing = null;
  });
  return flushing;
}

async function sendQueue() {
  const refused = [];
  const waiting = (await store.queued()).filter((event) => !event.refused);
  for (const provider of new Set(waiting.map((event) => event.provider))) {
    const own = waiting.filter((event) => event.provider === provider);
    try {
      await sendTo(provider, own, refused);
    } catch (error) {
      // No longer somebody of that company: it hinders nothing that is for another.
      if (!(error instanceof Refused) || ![403, 404].includes(error.status)) throw error;
      const answer = { status: "refused", code: error.code, detail: error.message, extra: error.extra };
      for (const event of own) await settle(event, answer, refused);
    }
  }
  return refused;
}

// What was done for one company goes to that one, whichever is chosen now.
async function sendTo(provider, waiting, refused) {
  const events = waiting.filter((event) => event.kind !== "paper");
  for (let begin = 0; begin < events.length; begin += MOST) {
    const part = events.slice(begin, begin + MOST);
    const body = {
      events: part.map(({ client_id, kind, occurred_at, data }) => ({ client_id, kind, occurred_at, data })),
      sent_at: new Date().toISOString(),
    };
    const { data } = await call("POST", "me/sync", body, { provider });
    for (const answer of data.answers) await settle(part[answer.index], answer, refused);
  }
  for (const event of waiting.filter((each) => each.kind === "paper")) await sendPaper(event, refused);
}

// A paper comes with its photo, by its own operation; the key makes it safe to repeat.
async function sendPaper(event, refused) {
  try {
    await call("POST", "me/papers", event.data, { key: event.client_id, provider: event.provider });
    await settle(event, { status: "done" }, refused);
  } catch (error) {
    if (!(error instanceof Refused) || error.status === 401) throw error;
    const status = error.status === 429 || error.code === "idempotency_in_progress" ? "later" : "refused";
    await settle(event, { status, code: error.code, detail: error.message, extra: error.extra }, refused);
  }
}

async function settle(event, answer, refused) {
  if (answer.status === "done") return store.remove("queue", event.client_id);
  const kept = { ...event, answer, refused: answer.status === "refused" };
  if (kept.refused) refused.push(kept);
  return store.put("queue", kept);
}

// The screens: each takes what there is and gives an element. What is done on them goes to `act`,
// which queues it and sends the queue when there is a network.

import * as api from "./api.js";
import { bookingCards } from "./booking.js";
import { camera, cameraField, explained } from "./face.js";
import { prepared, sentFiles } from "./files.js";
import { ask, badge, button, card, dayAndTimeOf, dayOf, facts, field, form, h, lengthOf, moneyOf, nothing, t, tell, timeOf } from "./page.js";

const PAPERS = {
  driving_licence: t("Driving licence"),
  passenger_transport_licence: t("Passenger transport licence"),
  national_id: t("Identity document"),
  tax_certificate: t("Tax certificate"),
  residence_permit: t("Residence permit"),
  work_permit: t("Work permit"),
  proof_of_address: t("Proof of address"),
  criminal_record: t("Criminal record certificate"),
  medical_certificate: t("Medical certificate"),
  other: t("Other paper"),
};
const PAPER_STATES = {
  missing: t("missing"),
  pending: t("being checked"),
  approved: t("valid"),
  rejected: t("rejected"),
  expired: t("expired"),
};
const TOPICS = {
  pay: t("Pay"),
  vehicle: t("Car"),
  charging: t("Charging"),
  documents: t("Papers"),
  accident: t("Accident"),
  other: t("Something else"),
};
export const EVENTS = {
  "shift.start": t("Start of shift"),
  "shift.break": t("Break"),
  "shift.resume": t("Back to work"),
  "shift.end": t("End of shift"),
  "chat.open": t("Message"),
  "chat.message": t("Message"),
  "chat.read": t("Read"),
  "chat.sos": t("Call for help"),
  "reservation.cancel": t("Booking called off"),
  "reservation.check_in": t("Check-in at the charger"),
  "notice.read": t("Notice read"),
  paper: t("Paper with photo"),
};

// --- Log-in -------------------------------------------------------------------------------------
export function logIn(entered) {
  const place = h("div", { class: "log-in" });
  const show = (...children) => place.replaceChildren(h("h1", {}, "Voltop"), ...children);
  const loginField = (value = "") =>
    h("input", { name: "login", autocomplete: "username", required: true, maxLength: 254, value, autocapitalize: "none", spellcheck: false });
  const codeField = () => h("input", { name: "code", inputMode: "numeric", autocomplete: "one-time-code", required: true, maxLength: 16 });
  const step = async (go) => {
    try {
      await go();
      await entered();
    } catch (error) {
      if (error.code === "second_factor_required") bySecondFactor(error.extra.challenge);
      else if (error.code === "face_required") byFace(error.extra);
      else throw error;
    }
  };
  function byPassword(login = "") {
    show(
      form(
        [
          field(t("E-mail or phone"), loginField(login)),
          field(t("Password"), h("input", { name: "password", type: "password", autocomplete: "current-password", required: true })),
        ],
        t("Log in"),
        (sent) => step(() => api.logIn(sent.login.value.trim(), sent.password.value)),
      ),
      button(t("Log in with a code"), () => askForCode(place.querySelector("[name=login]").value), "plain"),
    );
  }
  function askForCode(login = "") {
    show(
      form([field(t("E-mail or phone"), loginField(login), t("We send a code of six digits there."))], t("Send the code"), async (sent) =>
        byCode(sent.login.value.trim(), (await api.askForCode(sent.login.value.trim())).challenge)),
      button(t("Log in with a password"), () => byPassword(login), "plain"),
    );
  }
  function byCode(login, challenge) {
    show(
      form([field(t("Code"), codeField(), t("It was sent to {login} and is good for ten minutes.", { login }))], t("Log in"), (sent) =>
        step(() => api.enterCode(challenge, sent.code.value.trim()))),
      button(t("Send another code"), () => askForCode(login), "plain"),
    );
  }
  // A later step: its challenge is good for five minutes, and nothing else is refused with this code.
  const laterStep = async (go) => {
    try {
      await step(go);
    } catch (error) {
      if (error.code !== "invalid_credentials") throw error;
      byPassword();
      tell(t("This took too long: log in once more."), true);
    }
  };
  function bySecondFactor(challenge) {
    show(
      form([field(t("Code of your authenticator app"), codeField())], t("Log in"), (sent) =>
        laterStep(() => api.finishLogIn(challenge, sent.code.value.trim()))),
      button(t("Begin again"), () => byPassword(), "plain"),
    );
  }
  function byFace({ challenge, company }) {
    const photo = camera();
    show(
      h("p", {}, t("{company} asks to see your face too.", { company })),
      form([cameraField(t("Take a photo of your face"), photo)], t("Log in"), async (sent) => {
        const { content } = await prepared(photo.files[0]);
        sent.reset();
        await laterStep(() => explained(() => api.showFace(challenge, content)));
      }),
      button(t("Begin again"), () => byPassword(), "plain"),
    );
  }
  byPassword();
  return place;
}

export function choose(companies, chosen) {
  return h("div", { class: "log-in" }, h("h1", {}, t("For whom do you drive today?")),
    companies.map((company) => button(company.name, () => chosen(company.id), "main")));
}

// --- Today --------------------------------------------------------------------------------------
export function today(day, online, act) {
  return h("div", {}, shiftCard(day, online, act), carCard(day), hoursCard(day), faceCard(day), papersCard(day), bookingCards(day, act), noticeCards(day, act));
}

function shiftCard(day, online, act) {
  const shift = day.shift;
  const state = shift?.status;
  const planned = shift?.planned_starts_at && `${timeOf(shift.planned_starts_at)} – ${timeOf(shift.planned_ends_at)}`;
  if (state === "active" || state === "on_break") {
    const since = t("since {time}", { time: timeOf(shift.starts_at) });
    const end = async () => (await ask(t("End the shift now?"), t("End the shift"))) && act("shift.end");
    return card(state === "active" ? t("On shift") : t("On a break"),
      h("p", { class: "big" }, since, shift.unsent && badge(t("not sent yet"), "warn")),
      planned && h("p", { class: "quiet" }, t("planned {period}", { period: planned })),
      h("div", { class: "row" },
        state === "active" ? button(t("Take a break"), () => act("shift.break")) : button(t("Back to work"), () => act("shift.resume"), "main"),
        button(t("End the shift"), end, state === "active" ? "main" : "")));
  }
  const reasons = day.start?.reasons || [];
  const allowed = day.start?.allowed || (!online && day.driver?.status === "active");
  return card(t("Your shift"),
    h("p", { class: "big" }, planned ? t("planned {period}", { period: planned }) : t("Nothing planned")),
    reasons.length > 0 && h("div", { class: "missing" }, h("p", {}, t("Before you can start:")),
      h("ul", {}, reasons.map((reason) => h("li", {}, reason.detail,
        reason.from_at && ` ${t("From {time} on.", { time: dayAndTimeOf(reason.from_at) })}`)))),
    !online && reasons.length > 0 && h("p", { class: "quiet" }, t("As of the last time you were connected; it is asked again when your start is sent.")),
    reasons.some((reason) => reason.code === "face_check_required") && h("a", { class: "button wide", href: "#face" }, t("Show your face")),
    h("button", { type: "button", class: "button main wide", disabled: !allowed, onclick: () => act("shift.start") }, t("Start the shift")));
}

function carCard(day) {
  const { car, driver } = day;
  const depot = driver?.depot;
  return card(t("Car"),
    car ? h("p", { class: "big" }, car.name, car.plate && car.plate !== car.name && badge(car.plate)) : nothing(t("No car is planned for you.")),
    car && car.soc_pct !== null && h("div", { class: "battery" },
      h("meter", { min: 0, max: 100, low: 20, high: 50, optimum: 100, value: car.soc_pct, "aria-label": t("Battery") }),
      h("span", {}, `${car.soc_pct} %`, car.charging && car.charging !== "none" && ` · ${t("charging")}`)),
    depot && facts([t("Depot"), depot.name], depot.address && [t("Address"), depot.address]));
}

function hoursCard(day) {
  if (!day.hours) return null;
  const worked = h("dd", { class: "ticks" });
  const paused = h("dd", { class: "ticks" });
  const tick = () => {
    const since = (at) => (at ? Math.max(0, (Date.now() - Date.parse(at)) / 1000) : 0);
    worked.textContent = lengthOf(day.hours.worked_s + since(day.hours.working_since));
    paused.textContent = lengthOf(day.hours.break_s + since(day.hours.pausing_since));
  };
  tick();
  const timer = setInterval(() => (worked.isConnected ? tick() : clearInterval(timer)), 10000);
  const row = (name, value) => h("div", {}, h("dt", {}, name), value);
  return card(t("Today"), h("dl", { class: "facts" },
    row(t("Worked"), worked), row(t("Breaks"), paused),
    day.income && row(t("Taken in on platforms"), h("dd", {}, moneyOf(day.income.amount))),
    day.balance && row(t("The company owes you"), h("dd", {}, moneyOf(day.balance.owed))),
    day.balance && Number(day.balance.debt.amount) > 0 && row(t("You owe the company"), h("dd", {}, moneyOf(day.balance.debt)))));
}

function faceCard(day) {
  if (!day.face) return null;
  return card(t("Your face"), h("p", {}, day.face.detail),
    h("a", { class: "button wide", href: "#face" }, day.face.code === "face_not_enrolled" ? t("Enrol your face") : t("Read and agree")));
}

function papersCard(day) {
  if (!day.papers?.length) return null;
  return card(t("Papers to see to"), h("ul", { class: "list" }, day.papers.map((paper) => h("li", {},
    h("a", { href: "#papers" }, PAPERS[paper.kind] || paper.title),
    badge(paper.state === "approved" ? t("until {day}", { day: dayOf(paper.expires_on) }) : PAPER_STATES[paper.state], paper.state === "approved" ? "" : "warn")))));
}

function noticeCards(day, act) {
  return (day.notices?.latest || []).map((notice) => card(notice.subject, h("p", {}, notice.text),
    h("p", { class: "quiet" }, dayAndTimeOf(notice.at)), button(t("I have read it"), () => act("notice.read", { notice: notice.id }))));
}

// --- Papers -------------------------------------------------------------------------------------
export function papers({ demanded, own }, act) {
  return h("div", {},
    demanded.length > 0 && card(t("What your company needs"), h("ul", { class: "list" }, demanded.map((paper) => h("li", {},
      h("span", {}, PAPERS[paper.kind] || paper.kind, paper.expires_on && h("small", {}, t("until {day}", { day: dayOf(paper.expires_on) }))),
      badge(PAPER_STATES[paper.state], paper.state === "approved" ? "good" : "warn"))))),
    handIn(demanded, act),
    own.length > 0 && card(t("What you have handed in"), h("ul", { class: "list" }, own.map((paper) => h("li", {},
      h("span", {}, PAPERS[paper.kind] || paper.kind, paper.refusal && h("small", {}, paper.refusal)),
      badge(PAPER_STATES[paper.status] || paper.status, paper.status === "approved" ? "good" : paper.status === "pending" ? "" : "warn"))))));
}

function handIn(demanded, act) {
  const wanting = demanded.find((paper) => paper.state !== "approved")?.kind;
  const kind = h("select", { name: "kind" }, Object.entries(PAPERS).map(([value, name]) => h("option", { value, selected: value === wanting }, name)));
  const file = h("input", { name: "file", type: "file", accept: "image/jpeg,image/png,image/webp,application/pdf", required: true });
  const camera = h("input", { name: "camera", type: "file", accept: "image/*", capture: "environment" });
  camera.onchange = () => (file.required = !camera.files.length);
  return card(t("Hand in a paper"), form(
    [
      field(t("Which paper"), kind),
      field(t("Number on it"), h("input", { name: "number", maxLength: 64, autocomplete: "off" }), t("If it has one.")),
      field(t("Valid until"), h("input", { name: "expires_on", type: "date" }), t("If it says so.")),
      field(t("Take a photo"), camera),
      field(t("Or choose a photo or PDF"), file),
    ],
    t("Hand it in"),
    async (sent) => {
      const chosen = camera.files[0] || file.files[0];
      if (!chosen) throw Object.assign(new Error(t("Take a photo or choose a file.")), { code: "" });
      const { content, name } = await prepared(chosen);
      const said = { kind: kind.value, number: sent.number.value.trim(), expires_on: sent.expires_on.value };
      const data = { ...Object.fromEntries(Object.entries(said).filter(([, value]) => value)), content, file_name: name };
      sent.reset();
      await act("paper", data);
    },
  ));
}

// --- Chat ---------------------------------------------------------------------------------------
export function chat(conversations, act) {
  const topic = h("select", { name: "topic" }, Object.entries(TOPICS).map(([value, name]) => h("option", { value }, name)));
  const help = async () => {
    if (await ask(t("Call for help now? Your company is called at once."), t("Call for help"))) act("chat.sos", await position());
  };
  return h("div", {},
    card(t("Emergency"), button(t("Call for help"), help, "danger wide")),
    card(t("Conversations"), conversations.length
      ? h("ul", { class: "list" }, conversations.map((each) => h("li", {},
          h("a", { href: `#chat/${each.id}` }, `${TOPICS[each.topic] || each.topic} · ${each.number}`),
          h("span", { class: "quiet" }, dayAndTimeOf(each.last_message_at)))))
      : nothing(t("You have not written yet."))),
    card(t("Write to your company"), form(
      [field(t("About"), topic), field(t("Message"), h("textarea", { name: "body", rows: 3, maxLength: 4000, required: true }))],
      t("Send"),
      async (sent) => {
        const body = sent.body.value.trim();
        if (!body) return;
        sent.reset();
        await act("chat.open", { topic: topic.value, body });
      })));
}

// Where the phone is, for a call for help: if it may say so, and within five seconds.
function position() {
  return new Promise((resolve) => {
    if (!navigator.geolocation) return resolve({});
    const told = ({ coords }) => resolve({ latitude: coords.latitude.toFixed(6), longitude: coords.longitude.toFixed(6) });
    navigator.geolocation.getCurrentPosition(told, () => resolve({}), { timeout: 5000, maximumAge: 60000 });
  });
}

export function conversation(id, messages, waiting, act) {
  const bubble = (author, body, at, note, files = []) => h("li", { class: author === "driver" ? "mine" : "theirs" },
    h("span", { class: "who" }, author === "driver" ? t("You") : author === "staff" ? t("Your company") : "Voltop"),
    body && h("p", {}, body), sentFiles(id, files), h("small", {}, note || dayAndTimeOf(at)));
  return h("div", {},
    h("a", { class: "button", href: "#chat" }, t("Back")),
    h("ol", { class: "messages", "aria-live": "polite" },
      messages.map((message) => bubble(message.author_kind, message.body, message.sent_at, null, message.attachments)),
      waiting.map((event) => bubble("driver", event.data.body, event.occurred_at, t("not sent yet")))),
    card("", form([field(t("Message"), h("textarea", { name: "body", rows: 2, maxLength: 4000, required: true }))], t("Send"), async (sent) => {
      const body = sent.body.value.trim();
      if (!body) return;
      sent.reset();
      await act("chat.message", { conversation: id, body });
    })));
}

// --- The queue ----------------------------------------------------------------------------------
export function queue(events, companyOf, { send, drop }) {
  const state = (event) => (event.refused ? event.answer.detail : event.answer?.status === "later" ? t("waits for an earlier one") : t("waits for a network"));
  const reasons = (event) => (event.answer?.extra?.reasons || []).map((reason) => h("small", {}, reason.detail));
  return card(t("To be sent"),
    events.length ? h("ul", { class: "list" }, events.map((event) => h("li", {},
      h("span", {}, EVENTS[event.kind] || event.kind, h("small", {}, [dayAndTimeOf(event.occurred_at), companyOf(event)].filter(Boolean).join(" · ")),
        h("small", { class: event.refused ? "bad" : "" }, state(event)), reasons(event)),
      button(event.refused ? t("All right") : t("Discard"), () => drop(event)))))
      : nothing(t("Everything is sent.")),
    events.some((event) => !event.refused) && button(t("Send now"), send, "main wide"));
}

// --- More ---------------------------------------------------------------------------------------
export function more(day, languages, { logOut, change, companies, hasFace }) {
  const leave = async () => {
    if (await ask(t("Log out? What was not sent yet is lost."), t("Log out"))) await logOut();
  };
  return h("div", {},
    card(day?.driver?.name || "", day?.driver && facts([t("Company"), day.driver.company])),
    hasFace && card(t("Your face"), h("a", { class: "button wide", href: "#face" }, t("See, show or delete it"))),
    companies && card("", button(t("Another company"), change, "wide")),
    card(t("Language"), h("ul", { class: "list" }, languages.map(({ code, name }) => h("li", {}, h("a", { href: `?lang=${code}`, lang: code, hrefLang: code }, name))))),
    card("", button(t("Log out"), leave, "wide")));
}

export const refusedWords = (event) => {
  const reasons = (event.answer.extra?.reasons || []).map((reason) => reason.detail);
  return [`${EVENTS[event.kind] || event.kind}:`, event.answer.detail, ...reasons].join(" ");
};
export const say = tell;

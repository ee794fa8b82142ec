// The face: enrolled with consent, shown before a start, and deleted again, where the company asks
// for faces. Nobody is compared here, and no photo is kept: photos are sent and forgotten.

import * as api from "./api.js";
import { prepared } from "./files.js";
import { ask, badge, card, dayAndTimeOf, facts, field, form, h, nothing, t, tell, timeOf, wordsOf } from "./page.js";

const PHOTOS = [1, 2, 3];
const ATTEMPTS = 3;
const REASONS = {
  no_face: t("No face was found in it."),
  several_faces: t("There is more than one face in it."),
  too_small: t("The face is too small: come nearer."),
  too_dark: t("It is too dark."),
  too_bright: t("It is too bright."),
  blurred: t("It is not sharp: hold the phone still."),
  not_frontal: t("Look straight at the camera."),
  repeated: t("It is the same photo as another one."),
  face_image_replayed: t("This photo was shown before."),
};
const HINT = t("You alone, near, in good light, looking at the camera. It is not kept.");
const seen = { told: null };
addEventListener("hashchange", () => (seen.told = null));

export const camera = () => h("input", { name: "photo", type: "file", accept: "image/*", capture: "user", required: true });
export const cameraField = (label, input = camera()) => field(label, input, HINT);

// What an answer about a face says beyond its words: which photo, why, how often and when again.
export async function explained(go) {
  try {
    return await go();
  } catch (error) {
    const { photo, photos, reason, attempts_left: left } = error.extra || {};
    const which = photo === undefined ? (photos || []).map((each) => each + 1).join(", ") : photo + 1;
    const more = String(error.code).startsWith("face_") && [
      which && t("Photo {n}:", { n: which }),
      REASONS[reason],
      left > 0 && leftWords(left),
      error.status === 429 && error.retryS && t("Try again from {time} on.", { time: timeOf(Date.now() + error.retryS * 1000 + 60_000) }),
    ];
    if (more) error.message = [error.message, ...more].filter(Boolean).join(" ");
    throw error;
  }
}

const leftWords = (left) => t("Attempts left: {n}.", { n: left });

// `shown`: as `me/face` tells it. `changed()` and `over(error)` lead on.
export function face({ shown, online }, lead) {
  const enrolled = Boolean(shown.enrolled_at);
  const outdated = enrolled && shown.consent_version !== shown.consent.version;
  if (!shown.wanted && !enrolled) return card(t("Your face"), nothing(t("Your company does not check faces.")));
  return h("div", {},
    stateCard(shown, outdated),
    enrolled && shown.wanted && checkCard(shown, online, lead),
    shown.wanted && (enrolled && !outdated ? anewCard(shown, online, lead) : enrolCard(shown, online, lead)),
    enrolled && deleteCard(shown, online, lead));
}

function stateCard(shown, outdated) {
  if (!shown.enrolled_at) return card(t("Your face"), h("p", { class: "big" }, badge(t("not enrolled"), "warn")), nothing(t("Your company asks to see your face.")));
  return card(t("Your face"), h("p", { class: "big" }, badge(t("enrolled"), "good"), shown.check_needed && badge(t("to be shown"), "warn")),
    facts(
      [t("Enrolled on"), dayAndTimeOf(shown.enrolled_at)],
      [t("You agreed on"), dayAndTimeOf(shown.consented_at)],
      [t("Text agreed to"), shown.consent_version],
      [t("Recognised by"), shown.model]),
    outdated && h("p", { class: "missing" }, t("The text has changed since: read it, and agree by enrolling anew.")));
}

function checkCard(shown, online, lead) {
  const title = shown.check_needed ? t("Show your face before you start.") : t("Show your face");
  const photo = camera();
  return card(title, networkWords(online),
    sending("check", [cameraField(t("Take a photo of your face"), photo)], t("Show it"), online, lead, async (sent) => {
      const { content } = await prepared(photo.files[0]);
      sent.reset();
      const { data } = await explained(() => api.checkFace(content));
      if (data.result === "passed" || data.result === "overridden") return tell(t("Your face was recognised."));
      if (data.result === "unavailable") return (seen.told = { at: "check", isUnavailable: true });
      const left = ATTEMPTS - data.attempt;
      throw Object.assign(new Error([t("Your face was not recognised: take another photo."), REASONS[data.refusal], left > 0 && leftWords(left)].filter(Boolean).join(" ")), { code: "" });
    }),
    toldOf("check", shown));
}

function enrolForm(shown, online, lead) {
  const photos = PHOTOS.map(() => camera());
  const agree = h("input", { name: "agree", type: "checkbox", required: true });
  const fields = [
    h("p", {}, shown.consent.text),
    h("p", { class: "quiet" }, t("Text of {version}", { version: shown.consent.version })),
    h("div", { class: "agree" }, agree, h("label", { htmlFor: (agree.id = "agree") }, t("I have read this and agree."))),
    nothing(t("Three different photos: move your head a little between them.")),
    photos.map((photo, n) => cameraField(t("Photo {n} of {all}", { n: n + 1, all: PHOTOS.length }), photo)),
  ];
  return [networkWords(online),
    sending("enrol", fields, t("Enrol my face"), online, lead, async (sent) => {
      const contents = [];
      for (const photo of photos) contents.push((await prepared(photo.files[0])).content);
      await explained(() => api.enrolFace(shown.consent.version, contents));
      sent.reset();
      tell(t("Your face is enrolled."));
    }),
    toldOf("enrol", shown)];
}

const enrolCard = (shown, online, lead) => card(t("Enrol your face"), enrolForm(shown, online, lead));

const anewCard = (shown, online, lead) =>
  h("details", { class: "card", "data-name": "anew" }, h("summary", {}, t("Enrol anew")), enrolForm(shown, online, lead));

function deleteCard(shown, online, lead) {
  const withdraw = async (event) => {
    if (!(await ask(t("Withdraw your consent, and delete what is kept of your face?"), t("Delete it")))) return;
    event.target.disabled = true;
    await run("delete", lead, async () => {
      await api.forgetFace();
      tell(t("Nothing of your face is kept any more."));
    });
  };
  return card(t("Withdraw your consent"), nothing(t("What is kept of your face is deleted at once.")), networkWords(online),
    h("button", { type: "button", class: "button danger wide", disabled: !online, onclick: withdraw }, t("Delete my face")), toldOf("delete", shown));
}

// --- Sending ------------------------------------------------------------------------------------
// A form that nobody draws anew while it is sent: looking at photos takes seconds.
function sending(at, fields, words, online, lead, act) {
  const made = form(fields, words, async (sent) => {
    sent.classList.add("held");
    await run(at, lead, () => act(sent), () => sent.classList.remove("held"));
  });
  made.querySelector("[type=submit]").disabled = !online;
  return made;
}

async function run(at, lead, act, done = () => {}) {
  seen.told = null;
  try {
    await act();
  } catch (error) {
    if (api.isOver(error)) return lead.over(error);
    seen.told = { at, words: wordsOf(error) };
  } finally {
    done();
  }
  document.activeElement?.blur();
  return lead.changed();
}

function toldOf(at, shown) {
  if (seen.told?.at !== at) return null;
  const helps = shown.check_needed ? t("Ask your company: it can let you start.") : t("You may start all the same.");
  const words = seen.told.isUnavailable ? `${t("Faces cannot be compared at the moment.")} ${helps}` : seen.told.words;
  return h("p", { class: "error", role: "alert" }, words);
}

const networkWords = (online) => !online && h("p", { class: "bad" }, t("This needs a network."));

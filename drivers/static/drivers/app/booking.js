// Bookings: one's own, and a charger to book. What is kept here between two drawings is what was
// chosen; what is free is asked each time, for it is anybody's until it is booked.

import * as api from "./api.js";
import { ask, card, dayAndTimeOf, field, h, badge, button, nothing, lengthOf, longDayOf, t, tell, timeOf, wordsOf } from "./page.js";

const LENGTHS = [15, 30, 45, 60, 90, 120, 180, 240, 360, 480];
const MOST_OFFERS = 48;
const DAY_MS = 24 * 3600_000;
const SOON_MS = 15 * 60_000;
const wish = { station: null, minutes: 60, start: null, offers: null, taken: null, key: null };

export function bookingCards(day, act) {
  return (day.bookings || []).map((booking) => {
    const off = async () => (await ask(t("Call this booking off?"), t("Call it off"))) && act("reservation.cancel", { reservation: booking.id });
    const soon = Date.parse(booking.starts_at) - SOON_MS <= Date.now();
    const inUse = booking.status === "fulfilled";
    return card(inUse ? t("At the charger") : t("Charger booked"),
      h("p", { class: "big" }, booking.station, badge(booking.bay), inUse && badge(t("in use"), "good"),
        booking.status === "pending" && badge(t("not confirmed yet"), "warn"), booking.unsent && badge(t("not sent yet"), "warn")),
      h("p", {}, `${dayAndTimeOf(booking.starts_at)} – ${timeOf(booking.ends_at)}`),
      !inUse && h("div", { class: "row" },
        soon && button(t("I am here"), () => act("reservation.check_in", { reservation: booking.id }), "main"),
        button(t("Call it off"), off)));
  });
}

// `stations`: null while they are not known. `redraw()`, `booked()` and `over(error)` lead on.
export function bookings({ day, stations, online }, act, lead) {
  const cards = bookingCards(day, act);
  return h("div", {}, cards.length ? cards : card("", nothing(t("No charger is booked for you in the next seven days."))),
    stations && wishCard(day, stations, online, lead), wish.taken && takenCard(lead, day), wish.offers && offersCard(day, online, lead));
}

function wishCard(day, stations, online, lead) {
  if (!stations.length) return card(t("Book a charger"), nothing(t("Your company has no charger that can be booked.")));
  const station = stations.find((each) => each.id === wish.station) || stations[0];
  const lengths = lengthsOf(station);
  if (!lengths.includes(wish.minutes)) wish.minutes = lengths.find((each) => each >= 60) || lengths.at(-1);
  Object.assign(wish, { station: station.id, place: station });
  const changed = (values) => (Object.assign(wish, values, { offers: null, taken: null, start: null }), lead.redraw());
  const where = h("select", { name: "station", onchange: (event) => changed({ station: Number(event.target.value) }) },
    stations.map((each) => h("option", { value: each.id, selected: each.id === station.id }, each.name)));
  const long = h("select", { name: "minutes", onchange: (event) => changed({ minutes: Number(event.target.value) }) },
    lengths.map((each) => h("option", { value: each, selected: each === wish.minutes }, lengthOf(each * 60))));
  return card(t("Book a charger"), field(t("Where"), where, station.address || ""), field(t("How long"), long),
    !day.car && nothing(t("A charger is booked for a car, and you have none now.")),
    !online && h("p", { class: "bad" }, t("Booking needs a network: what was free may be taken by now.")),
    h("button", { type: "button", class: "button main wide", disabled: !online || !day.car, onclick: () => look(day, null, lead) }, t("Show free times")));
}

// What may be booked there: whole steps of the grid, no longer than allowed.
function lengthsOf({ grid_min: grid, longest_min: longest }) {
  const found = LENGTHS.filter((each) => each % grid === 0 && (!longest || each <= longest));
  return found.length ? found : [grid];
}

async function look(day, start, lead) {
  const asked = new URLSearchParams({ vehicle: day.car.id, minutes: wish.minutes, ...(start ? { start } : {}) });
  try {
    const offers = await api.fetchData(`me/stations/${wish.station}/times?${asked}`);
    Object.assign(wish, { offers, start: start || new Date().toISOString(), taken: null });
  } catch (error) {
    if (api.isOver(error)) return lead.over(error);
    tell(wordsOf(error), true);
  }
  return lead.redraw();
}

// Where to look on: behind the last start that was told, or a day later; null beyond what is allowed.
function later() {
  const { offers, start, place } = wish;
  const next = offers.length >= MOST_OFFERS ? Date.parse(offers.at(-1).starts_at) + 60_000 : Date.parse(start) + DAY_MS;
  return next < Date.now() + place.days_ahead * DAY_MS ? new Date(next).toISOString() : null;
}

function offersCard(day, online, lead) {
  const groups = new Map();
  for (const offer of wish.offers) {
    const name = longDayOf(offer.starts_at);
    groups.set(name, [...(groups.get(name) || []), offer]);
  }
  const next = later();
  return card(t("Free times"),
    !wish.offers.length && nothing(t("Nothing is free in these 24 hours.")),
    [...groups].map(([name, offers]) => [h("h3", {}, name), h("div", { class: "times" }, offers.map((offer) =>
      h("button", { type: "button", class: "button", disabled: !online, onclick: () => book(day, offer, lead) }, timeOf(offer.starts_at))))]),
    next && h("button", { type: "button", class: "button wide", disabled: !online, onclick: () => look(day, next, lead) }, t("Show later times")));
}

async function book(day, offer, lead) {
  const { place } = wish;
  const when = `${dayAndTimeOf(offer.starts_at)} – ${timeOf(offer.ends_at)}`;
  if (!(await ask(t("Book {place}, {when}?", { place: place.name, when }), t("Book")))) return;
  const body = { station: place.id, vehicle: day.car.id, starts_at: offer.starts_at, ends_at: offer.ends_at };
  // The same wish sent again, after an answer that got lost, is the same booking.
  const same = JSON.stringify(body);
  if (wish.key?.of !== same) wish.key = { of: same, key: api.newId() };
  try {
    await api.call("POST", "me/reservations", body, { key: wish.key.key });
    Object.assign(wish, { offers: null, taken: null, start: null, key: null });
    tell(t("Booked."));
    return lead.booked();
  } catch (error) {
    if (api.isOver(error)) return lead.over(error);
    if (error.extra?.free) Object.assign(wish, { taken: { words: error.message, free: error.extra.free }, offers: null });
    else tell(wordsOf(error), true);
  }
  return lead.redraw();
}

// What the refusal itself names as free next.
function takenCard(lead, day) {
  const { words, free } = wish.taken;
  return card(t("Too late"), h("p", { class: "bad", role: "alert" }, words),
    free.length ? [h("p", {}, t("Free next:")), h("div", { class: "times" }, free.map((each) =>
      button(dayAndTimeOf(each.starts_at), () => look(day, each.starts_at, lead))))]
      : nothing(t("Nothing is free there in the next seven days.")));
}

// Money: the balance, payslips, and each line of one with what it rests on, to be disputed.

import { badge, card, dayOf, facts, field, form, h, lengthOf, moneyOf, nothing, numberOf, periodOf, t } from "./page.js";

export const LINE = "payments.paymentline";
const STATES = {
  approved: t("approved"),
  paid: t("paid"),
  failed: t("being sent again"),
  returned: t("came back from the bank"),
  carried: t("carried over"),
  held: t("held"),
  cancelled: t("cancelled"),
};
const NAMES = {
  share: t("Share of what you took in"),
  tips: t("Tips"),
  base: t("Basic pay"),
  hourly: t("Pay by the hour"),
  guarantee: t("Guaranteed pay"),
  bonus: t("Bonus"),
  rent: t("Rent of the car"),
  cash: t("Cash you kept"),
  carried: t("Carried over from an earlier payment"),
  reimbursement: t("Expenses paid back"),
  charge: t("Charge"),
  advance: t("Advance paid back"),
  deposit: t("Deposit"),
  correction: t("Correction"),
  penalty: t("Penalty"),
  damage: t("Damage"),
  no_show_fee: t("Fee for a booking not used"),
};
const CATEGORIES = {
  earning: t("Earned"),
  reimbursement: t("Expenses paid back"),
  cash: t("Cash you kept"),
  rent: t("Rent of the car"),
  charge: t("Charge"),
  advance: t("Advance paid back"),
  carried: t("Carried over from an earlier payment"),
};
const PER = {
  h: t("per hour"),
  km: t("per km"),
  trip: t("per trip"),
  day: t("per day"),
  work_day: t("per day worked"),
  week: t("per week"),
};

export function money({ balance, payments }) {
  return h("div", {},
    balance && card(t("Balance"), facts(
      [t("The company owes you"), moneyOf(balance.owed)],
      Number(balance.debt.amount) > 0 && [t("You owe the company"), moneyOf(balance.debt)],
      Number(balance.under_way.amount) > 0 && [t("On its way to your bank"), moneyOf(balance.under_way)])),
    card(t("Payslips"), payments.length
      ? h("ul", { class: "list" }, payments.map((payment) => h("li", {},
          h("a", { href: `#payslip/${payment.id}` }, periodOf(payment.period_starts_on, payment.period_ends_on)),
          h("span", {}, moneyOf(payment.payable), h("small", {}, STATES[payment.status] || payment.status)))))
      : nothing(t("No payslip yet."))));
}

// `disputes`: the conversation about a line, by the line's id.
export function payslip(payment, disputes, act) {
  const sum = (name, value) => Number(value.amount) !== 0 && [name, moneyOf(value)];
  return h("div", {},
    card(periodOf(payment.period_starts_on, payment.period_ends_on),
      h("p", { class: "big" }, moneyOf(payment.payable), badge(STATES[payment.status] || payment.status)),
      facts(sum(t("Earned"), payment.earnings), sum(t("Expenses paid back"), payment.reimbursements), sum(t("Cash you kept"), payment.cash),
        sum(t("Deductions"), payment.deductions), sum(t("Carried over"), payment.carried))),
    card(t("Line by line"), payment.lines.map((line) => lineOf(line, disputes.get(line.id), act))),
    h("a", { class: "button", href: "#money" }, t("Back")));
}

const nameOf = (line) => NAMES[line.key] || line.key.replaceAll("_", " ");

function lineOf(line, dispute, act) {
  return h("details", { class: "line-of-pay", "data-name": line.id },
    h("summary", {}, h("span", {}, nameOf(line)), h("span", {}, moneyOf(line.amount))),
    facts(CATEGORIES[line.category] !== nameOf(line) && [t("What it is"), CATEGORIES[line.category] || line.category],
      line.window_starts_on && [t("For"), periodOf(line.window_starts_on, line.window_ends_on)],
      line.quantity !== null && [t("Counted"), countedOf(line)],
      line.rate && [t("Rate"), rateOf(line)],
      Number(line.paid_before.amount) !== 0 && [t("Paid for it before"), moneyOf(line.paid_before)],
      line.evidence.shifts && [t("Shifts it rests on"), numberOf(line.evidence.shifts.length)],
      line.evidence.entries && [t("Entries of platforms it rests on"), numberOf(line.evidence.entries.length)]),
    line.evidence.trued_up && h("p", { class: "quiet" }, t("Worked out anew, because something of these days changed.")),
    dispute ? h("a", { class: "button wide", href: `#chat/${dispute.id}` }, t("Your conversation about it"))
      : disagreement(line, act));
}

// Base units (seconds, metres, smallest units of money) as people write them.
function countedOf({ quantity, unit, amount: { currency } }) {
  if (unit === "s") return lengthOf(quantity);
  if (unit === "m") return `${numberOf(quantity / 1000)} km`;
  if (unit === "money") return moneyOf({ amount: quantity / 10 ** digitsOf(currency), currency });
  const names = { trip: t("Trips: {n}"), day: t("Days: {n}"), entry: t("Rides paid in cash: {n}") };
  return (names[unit] || "{n}").replace("{n}", numberOf(quantity));
}

const digitsOf = (currency) => new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;

function rateOf({ rate, amount: { currency } }) {
  const [, amount, per] = /^([\d.]+)\/(\w+)$/.exec(rate) || [];
  if (amount && PER[per]) return `${moneyOf({ amount, currency })} ${PER[per]}`;
  return rate.replace(/\d+(\.\d+)?/g, (number) => numberOf(Number(number)));
}

function disagreement(line, act) {
  const body = h("textarea", { name: "body", rows: 3, maxLength: 3000, required: true });
  return h("details", { "data-name": `against-${line.id}` }, h("summary", { class: "button wide" }, t("I disagree with this line")),
    form([field(t("What is wrong with it?"), body)], t("Send to your company"), async (sent) => {
      const said = sent.body.value.trim();
      if (!said) return;
      sent.reset();
      await act("chat.open", { topic: "pay", about_type: LINE, about_id: line.id, body: said });
    }));
}

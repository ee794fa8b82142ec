"use strict";
// The page of a conversation: what is new comes by itself, canned replies go into the answer.
(() => {
  const talk = document.getElementById("talk");
  if (!talk) return;
  const facts = document.getElementById("facts");
  const here = Number(talk.dataset.conversation);
  talk.scrollTop = talk.scrollHeight;

  const made = (tag, values, ...within) => {
    const element = Object.assign(document.createElement(tag), values);
    element.append(...within);
    return element;
  };

  const showFile = (file) => {
    const link = (...within) => made("a", { href: file.url, download: "" }, ...within);
    const name = file.url ? link(file.name) : file.name;
    if (file.url) name.className = "text-link";
    const row = made("p", { className: "desk-file" });
    if (file.picture) row.append(link(made("img", { src: file.url, alt: file.name })));
    row.append(made("span", {}, name, made("br"), made("small", {}, file.about)));
    return row;
  };

  const showSaid = (said) => {
    const row = made("li", { className: `desk-${said.kind}` });
    if (said.body) row.append(made("p", { className: "desk-body" }, said.body));
    row.append(...said.files.map(showFile), made("p", { className: "desk-by" }, said.by));
    return row;
  };

  const showFact = ({ words, url, late, strong }) => {
    const look = late ? "desk-late" : strong ? "desk-strong" : "";
    if (!url) return made("span", { className: look }, words);
    return made("a", { className: `text-link ${look}`, href: url }, words);
  };

  // The buttons that fit the state now: what another agent did is not offered once more.
  const showMoves = (moves) => {
    const form = document.getElementById("moves");
    const shown = [...(form?.querySelectorAll("button[name=action]") ?? [])];
    const names = (list, name) => list.map((each) => each[name]).join();
    if (!shown.length || names(shown, "value") === names(moves, "name")) return;
    const button = ({ name, words }) =>
      Object.assign(shown[0].cloneNode(), { value: name, textContent: words });
    form.querySelector("[name=reason]").before(...moves.map(button));
    for (const old of shown) old.remove();
  };

  // What one has not chosen oneself follows what others chose.
  const showChosen = (chosen) => {
    for (const [name, value] of Object.entries(chosen)) {
      const field = document.getElementById(`id_${name}`);
      const before = document.getElementById(`initial-id_${name}`);
      if (!field || !before || field.value !== before.value) continue;
      field.value = value;
      before.value = field.value;
    }
  };

  let known = "";

  const show = (news) => {
    showMoves(news.moves);
    showChosen(news.chosen);
    const now = JSON.stringify(news.facts);
    if (now !== known) facts.replaceChildren(...news.facts.map(showFact));
    known = now;
    const atEnd = talk.scrollHeight - talk.scrollTop - talk.clientHeight < 80;
    talk.append(...news.talk.map(showSaid));
    talk.dataset.seq = Math.max(talk.dataset.seq, news.seq);
    talk.dataset.note = Math.max(talk.dataset.note, news.note);
    if (atEnd) talk.scrollTop = talk.scrollHeight;
  };

  window.voltopLive({
    url: talk.dataset.ticket,
    ask: async () => {
      const { news, seq, note } = talk.dataset;
      show(await window.voltopNews(`${news}?after=${seq}&note=${note}`));
    },
    concerns: (frame) => frame.conversation === here && frame.type !== "read",
    follow: () => ({ conversation: here, after: Number(talk.dataset.seq) }),
    line: document.getElementById("line"),
  });

  const canned = document.getElementById("canned");
  const reply = document.getElementById("id_reply");
  if (canned && reply) {
    canned.addEventListener("change", () => {
      if (!canned.value) return;
      reply.value = reply.value ? `${reply.value}\n${canned.value}` : canned.value;
      canned.value = "";
      reply.focus();
    });
  }

  const files = document.getElementById("id_attachments");
  if (files) {
    const names = files.closest("label").querySelector("input[type=text]");
    const none = names.value;
    files.addEventListener("change", () => {
      names.value = [...files.files].map((file) => file.name).join(", ") || none;
    });
  }

  const form = document.getElementById("conversation_form");
  let sent = false;
  form?.addEventListener("submit", (event) => {
    if (sent) event.preventDefault(); // it is on its way
    sent = true;
    document.getElementById("sending").hidden = !files?.files.length;
  });
  window.addEventListener("pageshow", () => {
    sent = false;
  });
})();

"use strict";
// The page of a conversation: new messages come by themselves, canned replies go into the answer.
(() => {
  const talk = document.getElementById("talk");
  if (!talk) return;
  talk.scrollTop = talk.scrollHeight;

  const line = (name, text) => {
    const made = document.createElement("p");
    made.className = name;
    made.textContent = text;
    return made;
  };

  const show = (said) => {
    const row = document.createElement("li");
    row.className = `desk-${said.kind}`;
    row.append(line("desk-body", said.body), line("desk-by", `${said.who}, ${said.at}`));
    talk.append(row);
    talk.dataset.seq = said.seq;
    talk.scrollTop = talk.scrollHeight;
  };

  let asking = false;
  let again = false;
  const ask = async () => {
    if (document.hidden) return;
    if (asking) {
      again = true; // one question at a time: the same answer is not shown twice
      return;
    }
    asking = true;
    try {
      const answer = await fetch(`${talk.dataset.news}?after=${talk.dataset.seq}`);
      if (answer.ok) (await answer.json()).messages.forEach(show);
    } catch {
      // Away for a moment: the next time asks for the same.
    }
    asking = false;
    if (again) {
      again = false;
      ask();
    }
  };
  document.addEventListener("visibilitychange", ask);
  const here = Number(talk.dataset.conversation);
  const live = window.voltopLive(
    talk.dataset.ticket,
    (frame) => {
      if (frame.conversation === here && frame.type !== "read") ask();
    },
    () => ({ conversation: here, after: Number(talk.dataset.seq) }),
  );
  setInterval(() => live.open || ask(), 5000);

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
})();

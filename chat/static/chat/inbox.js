"use strict";
// The inbox: shows itself anew when one of its rows changed or another came; while somebody is
// choosing rows or typing, it says so instead.
(() => {
  const inbox = document.getElementById("inbox");
  if (!inbox) return;
  const STAYS_MS = 5000; // so long at least, that one can hit a row
  const newer = document.getElementById("newer");
  let due = false;

  const busy = () =>
    document.querySelector(".action-select:checked") !== null ||
    ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement?.tagName);

  const refresh = () => {
    if (!due || document.hidden) return;
    newer.hidden = !busy();
    if (!busy() && performance.now() > STAYS_MS) location.reload();
  };
  setInterval(refresh, 1000);

  window.voltopLive({
    url: inbox.dataset.ticket,
    ask: async () => {
      const { stamp } = await window.voltopNews(inbox.dataset.news + location.search);
      due = stamp !== "" && stamp !== inbox.dataset.stamp;
      refresh();
    },
    concerns: (frame) => frame.type === "changed",
    line: document.getElementById("line"),
  });
})();

"use strict";
// The inbox: shows itself anew when a conversation changed, unless somebody is choosing rows.
(() => {
  const inbox = document.getElementById("inbox");
  if (!inbox) return;
  let due = false;

  const busy = () =>
    document.hidden ||
    document.querySelector(".action-select:checked") !== null ||
    ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement?.tagName);

  const refresh = () => {
    if (due && !busy()) location.reload();
  };
  setInterval(refresh, 2000);
  window.voltopLive(inbox.dataset.ticket, (frame) => {
    if (frame.type === "changed") due = true;
  });
})();

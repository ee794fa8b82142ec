"use strict";
// The socket of the desk's pages. It only says that there is something new: pages fetch it as ever,
// and go on asking every few seconds while there is no socket.
(() => {
  const LONGEST_WAIT_MS = 60000;

  const cookie = (name) =>
    document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);

  const ticket = async (url) => {
    const headers = { "X-CSRFToken": cookie("csrftoken") ?? "" };
    const form = document.querySelector("input[name=csrfmiddlewaretoken]");
    if (form) headers["X-CSRFToken"] = form.value;
    const answer = await fetch(url, { method: "POST", headers });
    if (!answer.ok) throw new Error("no ticket");
    return (await answer.json()).ticket;
  };

  // told(frame) for every frame; live.open says whether the socket is there.
  window.voltopLive = (url, told, follow) => {
    const live = { open: false };
    let wait = 1000;

    const again = () => {
      live.open = false;
      setTimeout(connect, wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    };

    const connect = async () => {
      let line;
      let pings;
      try {
        const shown = await ticket(url);
        const scheme = location.protocol === "https:" ? "wss" : "ws";
        line = new WebSocket(`${scheme}://${location.host}/ws/v1/chat`);
        line.addEventListener("open", () => {
          line.send(JSON.stringify({ type: "hello", ticket: shown, side: "staff" }));
        });
      } catch {
        again();
        return;
      }
      line.addEventListener("message", (event) => {
        const frame = JSON.parse(event.data);
        if (frame.type === "welcome") {
          live.open = true;
          wait = 1000;
          const every = (frame.ping_within_s * 1000) / 3;
          pings = setInterval(() => line.send('{"type": "ping"}'), every);
          if (follow) line.send(JSON.stringify({ type: "follow", ...follow() }));
        }
        told(frame);
      });
      line.addEventListener("close", () => {
        clearInterval(pings);
        again();
      });
    };

    connect();
    return live;
  };
})();

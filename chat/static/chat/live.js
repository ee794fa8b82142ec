"use strict";
// How the desk's pages stay current. The socket only says that there is something new: pages fetch
// it as ever. While there is no socket they ask every few seconds; with one, now and then all the
// same. After a failure they wait longer each time; a hidden page is quiet.
(() => {
  const LONGEST_WAIT_MS = 60000;
  const ALONE_MS = 5000;
  const BESIDE_MS = 20000;

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

  // What a page asks for; a log-in page instead is no answer.
  window.voltopNews = async (url) => {
    const answer = await fetch(url);
    if (!answer.ok || answer.redirected) throw new Error("no news");
    return answer.json();
  };

  // ask() fetches what is new; concerns(frame) says whether a frame tells of something that the
  // page shows; follow() is what the socket is to tell of, `line` the words for "not connected".
  window.voltopLive = ({ url, ask, concerns, follow, line }) => {
    let open = false;
    let connecting = false;
    let wait = 1000;
    let asking = false;
    let again = false;
    let failed = 0;
    let timer;

    const askLater = () => {
      clearTimeout(timer);
      const usual = open ? BESIDE_MS : ALONE_MS;
      const longer = Math.min(usual * 2 ** failed, LONGEST_WAIT_MS);
      timer = setTimeout(askNow, longer * (0.8 + 0.4 * Math.random()));
    };

    const askNow = async () => {
      if (document.hidden) return; // asks when it is seen again
      if (asking) {
        again = true; // one question at a time: the same answer is not shown twice
        return;
      }
      asking = true;
      do {
        again = false;
        try {
          await ask();
          failed = 0;
        } catch {
          failed += 1;
        }
      } while (again && failed === 0);
      asking = false;
      if (line) line.hidden = failed === 0;
      askLater();
    };

    const connectLater = () => {
      connecting = false;
      open = false;
      askLater();
      setTimeout(connect, wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    };

    const connect = async () => {
      if (document.hidden || connecting || open) return;
      connecting = true;
      let socket;
      let pings;
      try {
        const shown = await ticket(url);
        const scheme = location.protocol === "https:" ? "wss" : "ws";
        socket = new WebSocket(`${scheme}://${location.host}/ws/v1/chat`);
        socket.addEventListener("open", () => {
          socket.send(JSON.stringify({ type: "hello", ticket: shown, side: "staff" }));
        });
      } catch {
        connectLater();
        return;
      }
      socket.addEventListener("message", (event) => {
        const frame = JSON.parse(event.data);
        if (frame.type === "welcome") {
          open = true;
          wait = 1000;
          const every = (frame.ping_within_s * 1000) / 3;
          pings = setInterval(() => socket.send('{"type": "ping"}'), every);
          if (follow) socket.send(JSON.stringify({ type: "follow", ...follow() }));
          askNow(); // for what came while there was no socket
        } else if (concerns(frame)) askNow();
      });
      socket.addEventListener("close", () => {
        clearInterval(pings);
        connectLater();
      });
    };

    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      askNow();
      connect();
    });
    connect();
    askLater();
  };
})();

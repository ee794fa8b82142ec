// Keeps the app's shell, so that it opens without a network. It holds nothing of anybody: what a
// person's data is, the page itself keeps, and answers of the API are never kept here.
// The server writes TOLD before this: the version, the shell's address and those of its files.
const NAME = `voltop-driver-${TOLD.version}`;
const { shell: SHELL, files: FILES } = TOLD;
const WAIT_MS = 4000;

self.addEventListener("install", (event) => {
  const fresh = (path) => new Request(path, { cache: "reload" });
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll([SHELL, ...FILES].map(fresh))).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => names.filter((name) => name.startsWith("voltop-driver-") && name !== NAME);
  event.waitUntil(caches.keys().then((names) => Promise.all(old(names).map((name) => caches.delete(name)))).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (event.request.mode === "navigate" && url.pathname === SHELL) event.respondWith(shell(event.request));
  else if (FILES.includes(url.pathname)) event.respondWith(kept(url.pathname));
});

async function kept(path) {
  return (await caches.match(path)) || fetch(path);
}

// The newest shell where the network gives it in time, else the kept one.
async function shell(request) {
  const cache = await caches.open(NAME);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(WAIT_MS) });
    if (answer.ok && !answer.redirected) await cache.put(SHELL, answer.clone());
    return answer.ok || answer.redirected ? answer : (await cache.match(SHELL)) || answer;
  } catch (error) {
    const found = await cache.match(SHELL);
    if (found) return found;
    throw error;
  }
}

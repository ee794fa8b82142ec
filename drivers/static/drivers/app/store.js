// What the phone keeps: the log-in, the last answers, and the queue of what is still to be sent.
// All of it is one IndexedDB, emptied at log-out.

const NAME = "voltop-driver";
const STORES = ["session", "kept", "queue"];
let opened = null;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("session");
      asked.result.createObjectStore("kept");
      asked.result.createObjectStore("queue", { keyPath: "client_id" });
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  return opened;
}

async function run(store, mode, act) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(store, mode);
    const asked = act(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(asked?.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export const get = (store, key) => run(store, "readonly", (rows) => rows.get(key));
export const put = (store, value, key) => run(store, "readwrite", (rows) => rows.put(value, key));
export const remove = (store, key) => run(store, "readwrite", (rows) => rows.delete(key));

// The queue, in the order in which things happened.
export async function queued() {
  const rows = await run("queue", "readonly", (all) => all.getAll());
  return rows.sort((a, b) => (a.occurred_at < b.occurred_at ? -1 : a.occurred_at > b.occurred_at ? 1 : a.n - b.n));
}

export async function empty() {
  for (const store of STORES) await run(store, "readwrite", (rows) => rows.clear());
}

// Files: photos made small before they are sent, and files of a conversation, asked for when wanted.

import * as api from "./api.js";
import { button, h, numberOf, t, tell, wordsOf } from "./page.js";

const PHOTO_BYTES = 200_000;

// A photo of at most 200 KB, whatever the camera made; a PDF as it is.
export async function prepared(file) {
  if (!file.type.startsWith("image/")) return { content: await base64(file), name: file.name };
  const picture = await decoded(file);
  for (let longest = 2000, quality = 0.85; ; longest *= 0.8, quality = Math.max(0.5, quality - 0.1)) {
    const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
    const canvas = h("canvas", { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) });
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((made) => canvas.toBlob(made, "image/jpeg", quality));
    if (blob.size <= PHOTO_BYTES || longest < 600) return { content: await base64(blob), name: `${file.name.replace(/\.\w+$/, "")}.jpg` };
  }
}

async function decoded(blob) {
  try {
    return await createImageBitmap(blob);
  } catch {
    throw Object.assign(new Error(t("This photo cannot be read: take another one.")), { code: "" });
  }
}

function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

// --- Files of a message -------------------------------------------------------------------------
const opened = new Map();

// Their names; a press shows a photo, and saves anything else. What was shown stays shown when the
// screen is drawn anew.
export const sentFiles = (conversation, files) => files.map((file) => sentFile(conversation, file));

function sentFile(conversation, { id, name, content_type: type, size_bytes: size }) {
  const place = h("div", { class: "file" });
  const open = async (event) => {
    event.target.disabled = true;
    try {
      const blob = await api.fetchFile(`me/conversations/${conversation}/attachments/${id}/file`);
      if (type.startsWith("image/")) place.append(await picture(id, name, blob));
      else save(name, blob);
    } catch (error) {
      tell(wordsOf(error), true);
    }
    event.target.disabled = opened.has(id);
  };
  const press = button(t("{name} ({kb} KB)", { name: name || t("File"), kb: numberOf(Math.ceil(size / 1000)) }), open);
  press.disabled = opened.has(id);
  place.append(...[press, opened.get(id)].filter(Boolean));
  return place;
}

// A photo is drawn: the page's rules let no picture in that is not one of its own files.
async function picture(id, name, blob) {
  const bitmap = await decoded(blob);
  const canvas = h("canvas", { width: bitmap.width, height: bitmap.height, role: "img", "aria-label": name || t("File") });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  opened.set(id, canvas);
  return canvas;
}

function save(name, blob) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

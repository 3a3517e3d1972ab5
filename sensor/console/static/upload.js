// Uploads a capture in parts. An interrupted upload continues: the offset is requested from the server, and name and
// size identify the file.
"use strict";

const form = document.getElementById("upload");
const message = document.getElementById("upload-status"), progress = document.getElementById("progress");
const token = form?.dataset.csrf;

async function answer(response) {
  const body = await response.json().catch(() => ({ error: response.statusText }));
  if (!response.ok) throw new Error(body.error || response.statusText);
  return body;
}

async function begun(file) {
  const mark = `upload ${file.name} ${file.size} ${file.lastModified}`, known = localStorage.getItem(mark);
  if (known) {
    const response = await fetch(`/uploads/${known}`);
    const there = response.ok ? await response.json() : null;
    if (there?.state === "receiving") return there;
  }
  const body = new URLSearchParams({ csrf: token, name: file.name, size: file.size });
  const upload = await answer(await fetch("/uploads", { method: "POST", body, headers: { "X-CSRF-Token": token } }));
  localStorage.setItem(mark, upload.id);
  return upload;
}

async function send(file) {
  let upload = await begun(file);
  progress.hidden = false;
  while (upload.state === "receiving") {
    const part = file.slice(upload.received, upload.received + Number(form.dataset.part));
    const url = `/uploads/${upload.id}?offset=${upload.received}`;
    const headers = { "X-CSRF-Token": token, "Content-Type": "application/octet-stream" };
    upload = await answer(await fetch(url, { method: "POST", body: part, headers }));
    progress.value = upload.received / file.size;
    message.textContent = `${Math.floor(100 * progress.value)} % sent`;
  }
  while (["waiting", "analyzing"].includes(upload.state)) {
    message.textContent = upload.state === "waiting" ? "waiting for another analysis" : "analyzing";
    progress.removeAttribute("value");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    upload = await answer(await fetch(`/uploads/${upload.id}`));
  }
  location.reload();
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const file = document.getElementById("capture").files[0], button = form.querySelector("button");
  if (file.size > Number(form.dataset.most)) {
    message.textContent = "The file is too large.";
    return;
  }
  button.disabled = true;
  send(file).catch((error) => { message.textContent = `${error.message} Choose the file again to continue.`; }).finally(() => { button.disabled = false; });
});

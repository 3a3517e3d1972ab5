// Passkeys (Web Authentication): gets the options from the form's URL, asks the authenticator, and submits its response with the form.
"use strict";

const supported = window.isSecureContext && typeof window.PublicKeyCredential?.parseRequestOptionsFromJSON === "function";

// The console gave no options: the session has ended, it was stopped, or it has no HTTPS any more.
class NoOptions extends Error {}

async function credentialOf(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => ({ ok: false }));
  if (!answer.ok) throw new NoOptions();
  const options = await answer.json();
  if (options.user) return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const field = form.elements.credential, faults = form.querySelectorAll("[data-fault], [data-refused]"), button = form.querySelector("button");
  form.querySelector("[data-unsupported]").hidden = supported;
  button.disabled = !supported;
  window.addEventListener("pageshow", () => { field.value = ""; });
  form.addEventListener("submit", (event) => {
    if (field.value) return;
    event.preventDefault();
    for (const one of faults) one.hidden = true;
    credentialOf(form.action)
      .then((credential) => { field.value = JSON.stringify(credential.toJSON()); form.requestSubmit(); })
      .catch((error) => { form.querySelector(error instanceof NoOptions ? "[data-refused]" : "[data-fault]").hidden = false; });
  });
}

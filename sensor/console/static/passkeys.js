// Passkeys (Web Authentication): gets the options from the form's URL, asks the authenticator, and submits its response with the form.
"use strict";

const supported = window.isSecureContext && typeof window.PublicKeyCredential?.parseRequestOptionsFromJSON === "function";

async function credentialOf(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(answer.statusText);
  const options = await answer.json();
  if (options.user) return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const field = form.elements.credential, fault = form.querySelector("[data-fault]"), button = form.querySelector("button");
  form.querySelector("[data-unsupported]").hidden = supported;
  button.disabled = !supported;
  window.addEventListener("pageshow", () => { field.value = ""; });
  form.addEventListener("submit", (event) => {
    if (field.value) return;
    event.preventDefault();
    fault.hidden = true;
    credentialOf(form.action)
      .then((credential) => { field.value = JSON.stringify(credential.toJSON()); form.requestSubmit(); })
      .catch(() => { fault.hidden = false; });
  });
}

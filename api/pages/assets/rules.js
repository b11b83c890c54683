// The preview beside a rule follows what is written: the form is sent as its button would, and the answer's preview is shown.

const WAIT_MS = 600;
const form = document.querySelector("form[data-preview]");
let waiting, asked = 0;

async function preview() {
  const fields = new URLSearchParams(new FormData(form));
  fields.set("do", "preview");
  const mine = ++asked;
  const answer = await fetch(form.action, { method: "POST", body: fields, headers: { Accept: "text/html" } });
  if (!answer.ok || mine !== asked) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("preview");
  if (page && mine === asked) document.getElementById("preview").replaceChildren(...page.childNodes);
}

if (form?.querySelector("button[value=preview]")) {
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(preview, WAIT_MS);
  });
}

// A choice shows at once, and a change of the files too. Without this script the
// button and the browser's own reload do the same.
"use strict";

for (const select of document.querySelectorAll(".choose select")) {
  select.addEventListener("change", () => {
    // The mails of one campaign are none of another's.
    if (select.name === "campaign") select.form.elements.step.disabled = true;
    select.form.requestSubmit();
  });
}

const live = document.getElementById("live");
const changes = new EventSource("/changes?seen=" + document.body.dataset.version);
changes.addEventListener("change", () => location.reload());
changes.addEventListener("open", () => { live.textContent = "Live: follows the files"; live.classList.add("on"); });
changes.addEventListener("error", () => { live.textContent = "The preview has ended"; live.classList.remove("on"); });

// Judge blind by keyboard: 1 to 4 answer the first open question, Enter saves.
document.addEventListener("keydown", (event) => {
  const save = document.querySelector("#save");
  const typing = event.target.closest("input:not([type=radio]), textarea, [contenteditable], [role=listbox]");
  if (!save || save.offsetParent === null || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const questions = ["#fluency", "#bias"].map((name) => document.querySelector(name));
  const open = questions.find((question) => !question.querySelector("input:checked"));
  if (/^[1-4]$/.test(event.key) && open) {
    open.querySelectorAll("input")[Number(event.key) - 1]?.click();
    event.preventDefault();
  } else if (event.key === "Enter" && !open && !event.repeat && !event.target.closest("button:not([role=tab])")) {
    save.click();
    event.preventDefault();
  }
});

// How many characters a box holds, counted as the server counts them; too many are said before they are sent.
function countCharacters(name, text) {
  const line = document.querySelector(`#${name}-count`);
  if (!line) return; // a tab that was never opened
  const limit = Number(line.dataset.limit);
  const length = [...(text ?? "").trim()].length;
  const over = length - limit;
  line.textContent = over > 0 ? `${length} of ${limit} characters: ${over} too many` : `${length} of ${limit} characters`;
  line.classList.toggle("over", over > 0);
  line.toggleAttribute("role", false);
  if (over > 0) line.setAttribute("role", "alert");
}

// An error goes when its tab is used again.
for (const kind of ["input", "click"]) {
  document.addEventListener(kind, (event) => {
    for (const line of event.target.closest?.("[role=tabpanel]")?.querySelectorAll(".error") ?? []) line.hidden = true;
  }, true);
}

// A link to a comparison: a plain click copies it, and puts it into the address bar.
document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a.share");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.replaceState(null, "", link.href);
  try {
    await navigator.clipboard.writeText(link.href);
    link.textContent = "Link copied";
  } catch {
    link.textContent = "The link is in the address bar";
  }
});

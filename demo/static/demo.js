// Judge blind by keyboard: 1 to 4 answer the first open question, Enter saves, Backspace clears.
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

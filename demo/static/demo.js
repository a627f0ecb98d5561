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

// Gradio shows the error of a queued event only; the light ones answer outside the queue, and say theirs here.
const plainFetch = window.fetch;
window.fetch = async (...request) => {
  const response = await plainFetch(...request);
  const address = String(request[0]?.url ?? request[0]);
  if (address.includes("/run/predict") && !response.ok) {
    response.clone().json().then((said) => showError(said.error), () => showError("the demo gave no answer"));
  }
  return response;
};

function showError(escaped) {
  document.querySelector("#said")?.remove();
  const decoder = document.createElement("textarea");
  decoder.innerHTML = escaped ?? "the demo failed on this input";
  const line = document.createElement("p");
  line.id = "said";
  line.setAttribute("role", "alert");
  line.textContent = decoder.value;
  document.body.append(line);
  setTimeout(() => line.remove(), 15000);
}

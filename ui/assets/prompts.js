// The prompts tab: a file is read here, since the page takes no uploads, and what is not saved is asked about.
window.focusPrompt = () => document.querySelector("#prompts_text textarea")?.focus();

// Resolves to the name and the content of a file that the host chooses, as base64, and the other inputs as they were.
window.readPrompts = (...inputs) => new Promise((resolve) => {
  const input = Object.assign(document.createElement("input"), { type: "file", accept: ".json,.jsonl,.csv" });
  const rest = inputs.slice(2);
  input.addEventListener("cancel", () => resolve(["", "", ...rest]));
  input.addEventListener("change", () => {
    const reader = new FileReader(), [file] = input.files;
    // Only as much as tells the server that it is too much.
    reader.addEventListener("load", () => resolve([file.name, reader.result, ...rest]));
    reader.readAsDataURL(file.slice(0, 1000001));
  });
  input.click();
});

// The dimensions of the set are on offer; gradio's own chooser takes no name that is not.
document.addEventListener("focusin", ({ target }) => {
  if (target.closest("#prompts_dimension")) target.setAttribute("list", "prompts_dimensions");
});

(() => {
  let typed = false;
  document.addEventListener("input", (event) => { typed ||= Boolean(event.target.closest("#prompts_form")); });
  // Every action takes over what was typed.
  document.addEventListener("click", (event) => { if (event.target.closest("#tab_prompts button")) typed = false; });
  addEventListener("beforeunload", (event) => {
    if (typed || document.querySelector("#prompts_status [data-unsaved]")) event.preventDefault();
  });
})();

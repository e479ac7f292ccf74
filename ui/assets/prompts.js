// The prompts tab: reads a file here, since the page accepts no uploads, and warns before unsaved edits are lost.
window.focusPrompt = () => document.querySelector("#prompts_text textarea")?.focus();

// Resolves to the name and the content of a file that the host chooses, as base64, and the other inputs as they were.
window.readPrompts = (stored, _name, _content, ...rest) => new Promise((resolve) => {
  const input = Object.assign(document.createElement("input"), { type: "file", accept: ".json,.jsonl,.csv" });
  input.addEventListener("cancel", () => resolve([stored, "", "", ...rest]));
  input.addEventListener("change", () => {
    const reader = new FileReader(), [file] = input.files;
    // One byte more than the limit is enough for the server to refuse the file.
    reader.addEventListener("load", () => resolve([stored, file.name, reader.result, ...rest]));
    reader.readAsDataURL(file.slice(0, 1000001));
  });
  input.click();
});

// Suggests the dimensions of the set; gradio's own dropdown would not accept a new name.
document.addEventListener("focusin", ({ target }) => {
  if (target.closest("#prompts_dimension")) target.setAttribute("list", "prompts_dimensions");
});

(() => {
  let typed = false;
  document.addEventListener("input", (event) => { typed ||= Boolean(event.target.closest("#prompts_form")); });
  // Every action includes what was typed.
  document.addEventListener("click", (event) => { if (event.target.closest("#tab_prompts button")) typed = false; });
  addEventListener("beforeunload", (event) => {
    if (typed || document.querySelector("#prompts_status [data-unsaved]")) event.preventDefault();
  });
})();

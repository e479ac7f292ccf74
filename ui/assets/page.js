// Copies text, also on a page without https, where browsers lend no clipboard.
window.copyText = (text) => {
  if (navigator.clipboard) return void navigator.clipboard.writeText(text);
  const box = Object.assign(document.createElement("textarea"), { value: text });
  document.body.append(box);
  box.select();
  document.execCommand("copy");
  box.remove();
};

// What was said of a battle stays as it was once it is judged.
window.lockVote = (prefix, locked) => {
  for (const part of document.querySelectorAll(`#${prefix}_choice, #${prefix}_more`)) part.inert = locked;
};

// What gradio does not say of the page: its language, which its one button in the other language tells; that the panes
// can be moved sideways on a phone, for which a keyboard has to reach them; and that the choices of a radio are one
// group, in which the arrow keys move (each has a name of its own).
(() => {
  const tell = () => {
    const other = document.querySelector("#language")?.textContent.trim();
    const lang = other === "English" ? "zh-CN" : "en";
    if (other && document.documentElement.lang !== lang) document.documentElement.lang = lang;
    for (const panes of document.querySelectorAll(".panes:not([tabindex])")) {
      panes.tabIndex = 0;
      panes.setAttribute("role", "group");
    }
    for (const group of document.querySelectorAll("fieldset")) {
      const radios = group.querySelectorAll("input[type=radio]");
      for (const radio of radios) if (radio.name !== radios[0].name) radio.name = radios[0].name;
    }
  };
  const seen = { childList: true, characterData: true, attributeFilter: ["name"], subtree: true };
  new MutationObserver(tell).observe(document, seen);
})();

// Keys of the vote: 1 to 4 select, Enter submits; never while somebody types or composes.
(() => {
  const editable = "input:not([type=radio]), textarea, select, [contenteditable=true], [role=listbox], [role=slider]";

  // In some browsers the Enter that ends a composition (pinyin, kana) arrives as an Enter. It must not send the prompt.
  for (const kind of ["keydown", "keypress"]) {
    document.addEventListener(kind, (event) => {
      if (event.key === "Enter" && (event.isComposing || event.keyCode === 229)) event.stopPropagation();
    }, true);
  }

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest(editable)) return;
    // Of the votes of the page one at most is in sight.
    const votes = [["#choice", "#submit_vote"], ["#judge_choice", "#judge_submit"], ["#live_choice", "#live_submit"]];
    const [choice, submit] = votes.map((ids) => ids.map((id) => document.querySelector(id)))
      .find(([one]) => one && one.offsetParent !== null) || [];
    if (!choice) return;
    const radio = choice.querySelectorAll("input[type=radio]")[Number(event.key) - 1];
    if (radio && !radio.disabled && !choice.inert) {
      event.preventDefault();
      radio.click();
    } else if (event.key === "Enter" && !event.target.closest("button, a, [role=tab]")) {
      if (submit && !submit.disabled && choice.querySelector("input[type=radio]:checked")) {
        event.preventDefault();
        submit.click();
      }
    }
  });
})();

// A file's link has the address by which the server was asked, which a proxy may have changed: it leads to where the
// page is.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href*="/gradio_api/file="]');
  if (!link) return;
  const path = link.href.slice(link.href.indexOf("/gradio_api/file="));
  link.href = new URL(".", location.href).href.replace(/\/$/, "") + path;
}, true);

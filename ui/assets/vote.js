// Keys and focus of the Arena: 1 to 4 vote, Enter starts the next battle, and the focus follows what is shown.
(() => {
  const find = (css) => document.querySelector(css);
  const phase = () => find("#phase")?.dataset.phase;
  // A vote is open, or can be changed.
  const canVote = () => !!find("#phase:is([data-phase=vote], [data-change=yes])");
  const box = () => find("#prompt textarea");
  const hasTouch = () => matchMedia("(pointer: coarse)").matches;
  const PILLS = ["#vote_model_a", "#vote_tie", "#vote_bad", "#vote_model_b"];
  const EDITABLE = "input:not([type=radio]), textarea, select, [contenteditable=true], [role=listbox], [role=slider]";
  // Milliseconds in which nobody can decide: an earlier key or tap was meant for what was shown before.
  const TOO_EARLY = 400;
  // A digit in the empty input votes after this time, unless more is typed: "3 reasons ..." is a question.
  const SECOND_KEY = 350;
  // The same words again within this time, before the server has answered, are an Enter that was pressed twice.
  const TWICE = 1000;
  let before = "", mode = "", edited = false, opened = 0, pending = null, claimed = false, sent = null, refused = false;

  function type(words) {
    box().setRangeText(words, box().selectionStart, box().selectionEnd, "end");
    box().dispatchEvent(new Event("input", { bubbles: true }));
  }

  function cancelPending() {
    clearTimeout(pending.timer);
    pending.pill.classList.remove("armed");
    pending = null;
  }

  document.addEventListener("keydown", (event) => {
    if (pending && !["Shift", "Control", "Alt", "Meta"].includes(event.key)) {
      const { digit } = pending;
      cancelPending();
      if (event.key !== "Escape") type(digit);
      return;
    }
    if (event.isComposing || event.keyCode === 229) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.repeat) return;
    const digit = /^(?:Digit|Numpad)([1-4])$/.exec(event.code)?.[1];
    if (!digit || !canVote() || performance.now() - opened < TOO_EARLY) return;
    // On some keyboards Alt makes another character of a digit; on Windows, any character of digits of the number pad.
    if (event.altKey && (event.key !== digit || event.code.startsWith("Numpad"))) return;
    const inBox = event.target === box();
    if (!event.altKey && (inBox ? claimed || box().value : event.target.closest(EDITABLE))) return;
    const pill = find(PILLS[digit - 1]);
    if (!pill?.offsetParent) return;
    event.preventDefault();
    event.stopPropagation();
    if (!inBox || event.altKey) return void pill.click();
    pill.classList.add("armed");
    const vote = () => { cancelPending(); pill.click(); };
    pending = { pill, digit, timer: setTimeout(vote, SECOND_KEY) };
  }, true);

  document.addEventListener("click", (event) => {
    if (!event.isTrusted || !event.target.closest(".pill, #after :is(button, label)") || performance.now() - opened >= TOO_EARLY) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  // A click into the input means that the user wants to write there.
  document.addEventListener("pointerdown", (event) => { if (event.target === box()) claimed = true; });

  // In some browsers the Enter that ends a composition (pinyin, kana) arrives as a plain Enter. It must not send the
  // prompt, nor may an Enter before the server knows the page, nor one that was pressed twice.
  for (const kind of ["keydown", "keypress"]) {
    document.addEventListener(kind, (event) => {
      if (event.key !== "Enter") return;
      const composes = event.isComposing || event.keyCode === 229;
      const sends = event.target === box() && !event.shiftKey && !composes;
      if (sends && kind === "keydown") refused = !phase() || event.repeat || isTwice();
      if (composes || (sends && refused)) event.stopPropagation();
      if (sends && refused) event.preventDefault(); // no line break either
    }, true);
  }
  function isTwice() {
    const words = box().value, now = performance.now();
    if (phase() === "run" && !words) return true;
    if (sent?.words === words && now - sent.at < TWICE) return true;
    sent = { words, at: now };
    return false;
  }
  // The second click of a double click would ask again, stop what the first one has begun, or skip two battles.
  document.addEventListener("click", (event) => {
    if (event.detail > 1 && event.target.closest("#send, #stop_all, #skip, [data-press]")) event.stopPropagation();
  }, true);

  // ---- prompt cards, the sheets, and the buttons in the heads
  let copyButton = null;
  document.addEventListener("click", (event) => {
    const card = event.target.closest("[data-prompt]"), pressed = event.target.closest("[data-press]");
    const opener = event.target.closest("[data-open]");
    if (card) {
      box().value = card.dataset.prompt;
      box().dispatchEvent(new Event("input", { bubbles: true }));
      box().focus();
    } else if (pressed) {
      find(`#${pressed.dataset.press}`)?.click();
      closeSheets();
      if (pressed.dataset.copied) copyButton = pressed;
    } else if (opener) showSheet(opener.dataset.open === find("#tab_arena").dataset.sheet ? "" : opener.dataset.open);
    else if (!event.target.closest(".sheet")) closeSheets();
  });
  addEventListener("copied", () => {
    const button = copyButton;
    button?.classList.add("copied");
    setTimeout(() => button?.classList.remove("copied"), 2000);
  });
  function showSheet(name) {
    const arena = find("#tab_arena"), leaves = !name && document.activeElement?.closest(".sheet");
    if (leaves) find(`[data-open=${arena.dataset.sheet}]`)?.focus();
    arena.dataset.sheet = name;
    for (const button of document.querySelectorAll("[data-open]")) button.ariaExpanded = String(button.dataset.open === name);
  }
  const closeSheets = () => { if (find("#tab_arena")?.dataset.sheet) showSheet(""); };
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.isComposing) closeSheets(); });

  // ---- what is typed survives a reload of the tab
  const DRAFT = "arena-draft";
  const draft = (words) => { try { sessionStorage.setItem(DRAFT, words); } catch { /* it keeps nothing */ } };
  document.addEventListener("input", (event) => { if (event.target === box()) draft(box().value); });
  function restoreDraft() {
    let words = "";
    try { words = sessionStorage.getItem(DRAFT) ?? ""; } catch { /* it keeps nothing */ }
    if (words && !box().value) type(words);
  }

  // A vote that can be changed is the pressed one of four buttons.
  function markChoice() {
    const phase = find("#phase"), winner = phase?.dataset.change ? phase.dataset.winner : "";
    for (const css of PILLS) {
      const pill = find(css), pressed = winner ? String(css === `#vote_${winner.replace("tie (bothbad)", "bad")}`) : null;
      if (pill && pill.ariaPressed !== pressed) pill.ariaPressed = pressed;
    }
  }

  // ---- the focus
  const focus = (css) => requestAnimationFrame(() => find(css)?.focus({ preventScroll: true }));
  function look() {
    const hint = find("#phase")?.dataset.hint;
    const placeholder = hasTouch() ? hint?.replace(/\s*[(（].*/, "") : hint;
    if (box() && hint && box().placeholder !== placeholder) box().placeholder = placeholder;
    const now = phase(), edits = !!find("#phase[data-edits=yes]"), shown = find("#phase")?.dataset.mode;
    // A reload would go to the models that the address names.
    if (shown && shown !== mode && shown !== "named") window.showPair();
    mode = shown;
    markChoice();
    if (edits !== edited) focus("#prompt textarea");
    edited = edits;
    if (!now || now === before) return;
    if (!before && box()) restoreDraft();
    sent = null;
    if (now === "run") {
      draft("");
      claimed = false;
      closeSheets();
      if (hasTouch()) box()?.blur();
    }
    if (now === "vote") opened = performance.now();
    if (now === "voted") { closeSheets(); focus("#new"); }
    // Who goes through the modes by the arrow keys stays there.
    const chooses = document.activeElement?.closest("#mode");
    if (now === "empty" && before && !hasTouch() && !chooses) focus("#prompt textarea");
    before = now;
  }
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributeFilter: ["data-phase", "placeholder"] });
  // gradio opens the page again once a lost connection is back, and says so in a notice until then.
  addEventListener("beforeunload", (event) => { if (phase() === "run" && !find(".toast-body.error")) event.preventDefault(); });
})();

// The two panes: follow a growing answer, let readers go, show the first line of a finished one, and on a phone one
// pane at a time. The server states what it shows in data attributes: data-phase on #phase, and data-state, data-turn
// and data-color on each head.
(() => {
  const SIDES = ["a", "b"];
  const NEAR = 50; // pixels from the end within which a reader follows
  const find = (css, root = document) => root.querySelector(css);
  const log = (side) => find(`#pane_${side} [role=log]`);
  const head = (side) => find(`#head_${side} .head`);
  const isPhone = () => matchMedia("(max-width: 720px)").matches;
  const motion = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");
  const views = { a: { follows: true }, b: { follows: true } };
  let shown = "a";

  const lastRow = (side, role) => [...log(side).querySelectorAll(`.${role}-row`)].pop();
  const hasAnswer = (side) => !!log(side).querySelector(".bot-row:last-child");

  // Pixels of text below the lower edge. The blank space under a short answer is not text.
  const hiddenBelow = (element) => {
    const message = [...element.querySelectorAll(".bot-row .message-content")].pop();
    return message ? message.getBoundingClientRect().bottom - element.getBoundingClientRect().bottom : 0;
  };

  // Puts the last question at the top; a long one is skipped, so that the answer's first line is visible.
  function showQuestion(side, behavior) {
    const element = log(side), question = lastRow(side, "user"), answer = lastRow(side, "bot");
    if (!question) return;
    element.style.setProperty("--rest", `${Math.max(0, element.clientHeight - question.offsetHeight - 50)}px`);
    const first = question.offsetHeight > element.clientHeight / 3 && answer ? answer : question;
    const top = element.scrollTop + first.getBoundingClientRect().top - element.getBoundingClientRect().top - 12;
    views[side].questionTop = top;
    element.scrollTo({ top, behavior });
  }

  function listen(side) {
    const element = log(side), view = views[side];
    if (view.element === element) return;
    Object.assign(view, { element, follows: true, last: 0, height: element.clientHeight });
    // A screen reader would read a growing answer again and again; the status line announces its end.
    element.setAttribute("aria-live", "off");
    // The event of our own last scroll may still come: it must not read as a reader who goes down to the end.
    const letGo = () => Object.assign(view, { follows: false, last: element.scrollTop });
    let startY = 0, isHeld = false;
    element.addEventListener("pointerdown", () => { isHeld = true; });
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { isHeld = false; });
    element.addEventListener("wheel", (event) => event.deltaY < 0 && letGo(), { passive: true });
    element.addEventListener("touchstart", (event) => { startY = event.touches[0].clientY; }, { passive: true });
    element.addEventListener("touchmove", (event) => event.touches[0].clientY > startY + 2 && letGo(), { passive: true });
    element.addEventListener("keydown", (event) => ["ArrowUp", "PageUp", "Home"].includes(event.key) && letGo());
    element.addEventListener("scroll", () => {
      // If the reader does not hold the scroll bar, the browser has scrolled, because the new text is shorter.
      if (isHeld && element.scrollTop < view.last - 1) letGo();
      else if (element.scrollTop > view.last && hiddenBelow(element) <= NEAR) view.follows = true;
      view.last = element.scrollTop;
      if (isTogether() && element.matches(":hover, :focus")) scrollOther(side);
    }, { passive: true });
    new ResizeObserver(() => {
      // A reader at the question stays there; one who reads elsewhere is not moved. Height 0: another tab is open.
      const wasHidden = !view.height, atQuestion = Math.abs(element.scrollTop - view.questionTop) < 4;
      view.height = element.clientHeight;
      if (view.height && (wasHidden || atQuestion)) showQuestion(side, "auto");
    }).observe(element);
  }

  function follow(side) {
    const now = head(side), view = views[side];
    if (!now || !log(side)) return;
    listen(side);
    const name = find("h2", now).textContent;
    if (view.element.ariaLabel !== name) view.element.ariaLabel = name;
    const { turn, state } = now.dataset;
    if (turn && turn !== view.turn) {
      Object.assign(view, { turn, follows: true, last: 0, seen: !isPhone(), place: "" });
    }
    // The messages may arrive after the head, and there is room to scroll only once there is an answer.
    const place = [log(side).querySelectorAll(".user-row").length, lastRow(side, "user")?.textContent, hasAnswer(side)].join();
    if (place !== view.place) {
      view.place = place;
      if (view.follows) requestAnimationFrame(() => showQuestion(side, "auto"));
    } else if (view.state === "run" && state !== "run") {
      if (view.follows) requestAnimationFrame(() => showQuestion(side, motion()));
    } else if (state === "run" && view.follows && hiddenBelow(view.element) > 0) {
      view.element.scrollTop += hiddenBelow(view.element) + 10;
    }
    view.state = state;
  }

  // ---- both panes together
  const isTogether = () => find("#panes")?.dataset.together === "yes";
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#together")) return;
    find("#panes").dataset.together = isTogether() ? "" : "yes";
    if (isTogether()) scrollOther(shown);
    showTogether();
  });
  function showTogether() {
    const button = find("#together"), pressed = String(isTogether());
    if (button && button.ariaPressed !== pressed) button.ariaPressed = pressed;
  }
  function scrollOther(side) {
    const from = log(side), to = log(side === "a" ? "b" : "a");
    const share = from.scrollTop / Math.max(1, from.scrollHeight - from.clientHeight);
    to.scrollTop = share * (to.scrollHeight - to.clientHeight);
  }

  // ---- a phone shows one pane; one that was never shown cannot be judged
  function showPanes() {
    const panes = find("#panes"), arena = find("#tab_arena"), phase = find("#phase")?.dataset.phase;
    if (!panes || !arena) return;
    if (isPhone()) shown = panes.scrollLeft > panes.clientWidth / 2 ? "b" : "a";
    if (isPhone() && views[shown].state === "done" && panes.clientWidth) views[shown].seen = true;
    const unread = isPhone() && phase === "vote" ? SIDES.find((side) => !views[side].seen) ?? "" : "";
    if ((arena.dataset.unread ?? "") !== unread) arena.dataset.unread = unread;
    for (const button of document.querySelectorAll("#switch [data-show]")) {
      const side = button.dataset.show, now = head(side);
      if (!now) continue;
      const { state, color, mark } = now.dataset;
      const dot = `dot ${color || (state === "done" && views[side].seen ? "" : state)}`;
      if (find("i", button).className !== dot) find("i", button).className = dot;
      const words = find("h2", now).textContent;
      if (find("span", button).textContent !== words) find("span", button).textContent = words;
      if ((button.dataset.mark ?? "") !== mark) button.dataset.mark = mark;
      const pressed = String(side === shown);
      if (button.ariaPressed !== pressed) button.ariaPressed = pressed;
    }
  }
  document.addEventListener("click", (event) => {
    const side = event.target.closest("[data-show]")?.dataset.show, panes = find("#panes");
    if (side) panes.scrollTo({ left: side === "b" ? panes.scrollWidth : 0, behavior: motion() });
  });

  let waits = false;
  const look = () => {
    waits = false;
    // Without a mouse, readers scroll with the arrow keys, also in a replay.
    for (const element of document.querySelectorAll(".pane [role=log]:not([tabindex])")) element.tabIndex = 0;
    if (!find("#phase")) return; // gradio builds the page in pieces
    find("#panes")?.addEventListener("scroll", showPanes, { passive: true });
    // A browser's translation would change, or break, what is judged. Headings in an answer are not the page's own.
    for (const pane of document.querySelectorAll(".pane:not([translate])")) {
      pane.translate = false;
      pane.classList.add("notranslate");
    }
    // A right-to-left list has its marks on the right; its direction is that of its first letter.
    for (const list of document.querySelectorAll(".pane .prose :is(ul, ol):not([dir])")) list.dir = "auto";
    for (const title of document.querySelectorAll(".pane .prose :is(h1, h2, h3, h4, h5, h6):not([role])")) {
      title.role = "presentation";
    }
    SIDES.forEach(follow);
    showPanes();
    showTogether();
  };
  new MutationObserver(() => {
    if (!waits) requestAnimationFrame(look);
    waits = true;
  }).observe(document, { subtree: true, childList: true, characterData: true });
})();

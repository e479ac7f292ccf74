// What gradio has no setting for: the page's language, theme and addresses, and a clipboard without https.

// A browser that blocks storage (in another site's frame, with strict privacy) throws at every use of it, which gradio
// does not expect. A replacement in memory then lasts until the page is closed, and votes are refused.
// `tabId` stays the same after a reload of this tab; it is "" if the browser blocks storage.
window.tabId = (() => {
  try {
    localStorage.setItem("arena-test", "1");
    localStorage.removeItem("arena-test");
    const id = sessionStorage.getItem("arena-tab") ?? [...crypto.getRandomValues(new Uint32Array(4))].join("-");
    sessionStorage.setItem("arena-tab", id);
    return id;
  } catch {
    const kept = new Map();
    const storage = {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, String(value)),
      removeItem: (key) => void kept.delete(key),
    };
    Object.defineProperty(window, "localStorage", { value: storage, configurable: true });
    return "";
  }
})();

// A link to a battle opens a page of its own, without tabs.
if (new URLSearchParams(location.search).has("replay")) document.documentElement.dataset.page = "replay";

// A server that has restarted does not know this page: it is opened again, and shows what it showed. At most once in
// ten seconds, so that a server that keeps failing cannot make it blink.
new MutationObserver(() => {
  if (!document.querySelector(".stale")) return;
  try {
    if (Date.now() - sessionStorage.getItem("arena-reloaded") < 10000) return;
    sessionStorage.setItem("arena-reloaded", Date.now());
  } catch { /* it keeps nothing */ }
  location.reload();
}).observe(document, { childList: true, subtree: true });

// Copies text, also where browsers offer no clipboard (without https) or refuse it (in a frame, long after a click).
// Once that is done, the window hears of it.
window.copyText = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const box = Object.assign(document.createElement("textarea"), { value: text }), focused = document.activeElement;
    document.body.append(box);
    box.select();
    const isDone = document.execCommand("copy");
    box.remove();
    focused?.focus({ preventScroll: true });
    if (!isDone) return;
  }
  dispatchEvent(new Event("copied"));
};

// Saves text as a file of one of two kinds.
window.saveText = (text, kind) => {
  const [type, name] = { markdown: ["text/markdown", "conversation.md"], json: ["application/json", "conversation.jsonl"] }[kind];
  const link = document.createElement("a");
  Object.assign(link, { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
};

// Shows in the address which battle is rated and which models are compared. Keeps the room, which it may name as well.
function showInAddress(names) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(names)) value ? query.set(name, value) : query.delete(name);
  history.replaceState(null, "", location.pathname + (query.size ? "?" + query : "") + location.hash);
}
window.showBattle = (battle) => showInAddress({ battle });
window.showPair = (a, b) => showInAddress({ a, b });

// The button that offers the other language shows which one is on. The choices of a radio are one group, in which the
// arrow keys move; gradio gives each a name of its own.
(() => {
  const look = () => {
    const other = document.querySelector("#language")?.textContent.trim();
    const lang = other === "English" ? "zh-CN" : "en";
    if (other && document.documentElement.lang !== lang) document.documentElement.lang = lang;
    for (const group of document.querySelectorAll("fieldset")) {
      const radios = group.querySelectorAll("input[type=radio]");
      for (const radio of radios) if (radio.name !== radios[0].name) radio.name = radios[0].name;
    }
  };
  const seen = { childList: true, characterData: true, attributeFilter: ["name"], subtree: true };
  new MutationObserver(look).observe(document, seen);
})();

// Light or dark; remembered unless the browser blocks storage.
(() => {
  try {
    const theme = localStorage.getItem("arena-theme");
    if (theme) document.body.classList.toggle("dark", theme === "dark");
  } catch { /* it keeps nothing */ }
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#theme")) return;
    const dark = document.body.classList.toggle("dark");
    try { localStorage.setItem("arena-theme", dark ? "dark" : "light"); } catch { /* it keeps nothing */ }
  });
})();

// Each tab has an address: #results is the tab with the id tab_results. Back goes to the tab before.
(() => {
  if (document.documentElement.dataset.page) return;
  // gradio keeps a hidden copy of all tab buttons, to measure them. A tab that does not fit is in a menu, where its
  // button has neither id nor role: its text identifies it.
  const copies = () => [...document.querySelectorAll("#tabs .tab-container[aria-hidden] button")];
  // The host's tabs are hidden at first, and come all at once.
  const names = () => {
    const tabs = window.gradio_config.components.filter((part) => part.type === "tabitem");
    const shown = copies().length === tabs.length ? tabs : tabs.filter((part) => part.props.visible);
    return shown.map((part) => part.props.elem_id.replace("tab_", ""));
  };
  const wordsOf = (name) => copies()[names().indexOf(name)]?.textContent.trim();
  const nameOf = (button) => /^tab_([a-z]+)-button$/.exec(button.id)?.[1]
    ?? names().find((name) => wordsOf(name) === button.textContent.trim());
  const current = () => location.hash.slice(1) || names()[0];
  const go = (name) => history.pushState(null, "", `${location.pathname}${location.search}#${name}`);
  const isHidden = (name) => !names().includes(name)
    && window.gradio_config.components.some((part) => part.props.elem_id === `tab_${name}`);
  let asks = false;
  function open(name = current()) {
    if (isHidden(name)) {  // it opens after the sign-in
      asks = true;
      return open("about");
    }
    const words = wordsOf(name);
    const menu = [...document.querySelectorAll("#tabs .overflow-dropdown button")];
    const button = document.querySelector(`#tab_${CSS.escape(name)}-button`)
      ?? menu.find((entry) => entry.textContent.trim() === words);
    button?.click();
  }
  addEventListener("hashchange", () => open());
  addEventListener("popstate", () => open());
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']"), button = event.target.closest("#tabs > .tab-wrapper button");
    // A click of open() changes no address.
    const name = link ? link.hash.slice(1) : button && event.isTrusted && nameOf(button);
    if (link) event.preventDefault();
    if (name && name !== current()) go(name);
    if (link) open();
  }, true);
  let count = 0;
  new MutationObserver(() => {
    const box = asks && document.querySelector("#host_token input");
    if (box) {
      asks = false;
      box.focus();
    }
    if (count === copies().length) return;
    count = copies().length;
    if (location.hash) open();
  }).observe(document, { subtree: true, childList: true });
})();

// The projector view of a room: over the whole window, and full screen where the browser allows it.
(() => {
  const isOn = () => document.body.classList.contains("projecting");
  // The browser answers later, when another view may have begun: only a full screen that this one had can end it.
  let asked = 0, isFull = false;
  const leaveFullScreen = () => document.fullscreenElement && ask(document, "exitFullscreen");
  async function ask(target, action) {
    asked += 1;
    try {
      await target[action]?.();
    } catch { /* in a frame it may not */ }
    asked -= 1;
    if (action === "requestFullscreen" && !isOn()) leaveFullScreen();
  }
  const project = (on) => {
    isFull = false;
    document.body.classList.toggle("projecting", on);
    if (on) ask(document.documentElement, "requestFullscreen");
    else leaveFullScreen();
    document.querySelector(`[data-project=${on ? "off" : "on"}]`)?.focus();
  };
  const leave = () => isOn() && project(false);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-project]");
    if (button) project(button.dataset.project === "on");
  });
  addEventListener("keydown", (event) => event.key === "Escape" && leave());
  addEventListener("popstate", leave);
  addEventListener("fullscreenchange", () => {
    if (document.fullscreenElement) isFull = true;
    else if (isFull && !asked) leave();
  });
})();

// A file's link has the address at which the server was reached, which a proxy may have changed: use the page's own
// address instead.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href*="/gradio_api/file="]');
  if (!link) return;
  const path = link.href.slice(link.href.indexOf("/gradio_api/file="));
  link.href = new URL(".", location.href).href.replace(/\/$/, "") + path;
}, true);

// The page: what is shown, what the operator chose, and what keys and clicks do.

import { configurationPart } from "./configuration.js";
import { Connection } from "./connection.js";
import { update } from "./dom.js";
import { dependenciesPart, walk } from "./graph.js";
import { platformPart, problemsPart } from "./platform.js";
import { pluginsPart } from "./plugins.js";
import { connectionPart, contentsPart, keysPart } from "./rail.js";
import { startPart } from "./start.js";
import { callProgram, encoded, HEALTH, STATES } from "./words.js";

const PARTS = {
  platform: platformPart, problems: problemsPart, plugins: pluginsPart,
  dependencies: dependenciesPart, start: startPart, configuration: configurationPart,
};

const ui = {
  open: null, text: "", state: "", category: "", // the plugins
  graphAs: matchMedia("(max-width: 700px)").matches ? "list" : "graph", node: null, lit: null, // the graph
  allBars: false, settingsText: "", schemaOpen: false,
  retries: new Map(), shortcuts: remembered("shortcuts") !== "off",
};
let snapshot = null;
let spoken = [];
let notShown = ""; // why the last snapshot could not be drawn

const at = (id) => document.getElementById(id);
const connection = new Connection({ changed: renderConnection, received, heard });

function remembered(name) {
  try {
    return localStorage.getItem(`floe-plugins ${name}`);
  } catch {
    return null; // storage is switched off: the page works without it
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(`floe-plugins ${name}`, value);
  } catch {
    // storage is switched off: the choice lasts as long as the page
  }
}

function received(fresh) {
  const before = snapshot;
  try {
    snapshot = { ...fresh, plugins: fresh.plugins ?? [], problems: fresh.problems ?? [] };
    snapshot.platform = { ...fresh.platform, reasons: fresh.platform?.reasons ?? [] };
    callProgram(snapshot.platform.command ?? "floe-plugins");
    render();
    notShown = "";
  } catch (error) {
    snapshot = before;
    notShown = error.message;
    console.error(error);
  }
  renderConnection();
  if (before === null) reach();
}

function heard(event) {
  if (event.event === "retry") ui.retries.set(event.ref, event.reason);
  if (event.event === "call_ended") ui.retries.delete(event.ref);
  if (event.event === "health") announce(`${event.ref}: ${event.before ?? "not checked"}, now ${event.state}`);
  if (event.event === "problem") announce(`Problem${event.ref ? ` of ${event.ref}` : ""}: ${event.message}`);
  if (event.event === "platform") announce(`Platform: ${event.state}${event.reason ? `, ${event.reason}` : ""}`);
  if (event.event === "state" && ["failed", "skipped"].includes(event.state)) announce(`${event.ref}: ${event.state}`);
}

// Several announcements in a moment are read as one.
function announce(text) {
  spoken.push(text.slice(0, 200));
  if (spoken.length > 1) return;
  setTimeout(() => {
    const more = spoken.length > 4 ? ` And ${spoken.length - 4} more.` : "";
    update(at("announcements"), `${spoken.slice(0, 4).join(". ")}.${more}`);
    spoken = [];
  }, 400);
}

function context() {
  const plugins = new Map(snapshot.plugins.map((plugin) => [plugin.ref, plugin]));
  return { snapshot, plugins, problems: snapshot.problems, ui, now: connection.now, age: connection.age ?? 0 };
}

function title({ platform, problems }) {
  const number = problems.length ? `(${problems.length}) ` : "";
  const health = platform.ready ? platform.health ?? "running" : "not ready";
  return `${number}${platform.state === "running" ? health : platform.state} - ${platform.title ?? "floe-plugins"}`;
}

function render(parts = Object.keys(PARTS)) {
  if (!snapshot) return;
  const given = context();
  for (const part of parts) update(at(part), PARTS[part](given));
  update(at("contents"), contentsPart(snapshot));
  document.title = title(snapshot);
  for (const [id, value] of [["filter-text", ui.text], ["filter-state", ui.state], ["filter-category", ui.category]]) {
    const field = at(id);
    const typing = field?.tagName === "INPUT" && document.activeElement === field;
    if (field && !typing && field.value !== value) field.value = value;
  }
}

let wasLive = null;

function renderConnection() {
  const lost = connection.lostAt !== null;
  if (wasLive !== null && wasLive !== connection.live) {
    announce(connection.live ? "Connected again" : "The connection to the server is lost");
  }
  if (connection.live || lost) wasLive = connection.live;
  document.body.classList.toggle("lost", lost || notShown !== "");
  update(at("connection"), connectionPart(connection, notShown));
}

// The address says what is open and filtered: #plugin=compute:duckdb, #state=failed&category=compute.
function address() {
  const chosen = { plugin: ui.open, text: ui.text, state: ui.state, category: ui.category };
  const parts = Object.entries(chosen).filter(([, value]) => value);
  return parts.length ? `#${parts.map(([name, value]) => `${name}=${encoded(value)}`).join("&")}` : "";
}

function keepAddress() {
  history.replaceState(null, "", `${location.pathname}${location.search}${address()}`);
}

function followAddress() {
  const hash = location.hash.slice(1);
  if (hash && !hash.includes("=")) return; // a part of the page: the browser goes there
  const chosen = new URLSearchParams(hash.replaceAll("+", "%2B"));
  ui.open = chosen.get("plugin");
  ui.text = chosen.get("text") ?? (ui.open ? ui.text : "");
  ui.state = chosen.get("state") ?? (ui.open ? ui.state : "");
  if (![...STATES, ...HEALTH, "attention"].includes(ui.state)) ui.state = "";
  ui.category = chosen.get("category") ?? (ui.open ? ui.category : "");
  if (!ui.open && ui.graphAs === "around") ui.graphAs = "graph";
  render();
  reach();
}

// Show and focus what the address names.
function reach() {
  if (!snapshot || !location.hash.includes("=")) {
    if (Object.hasOwn(PARTS, location.hash.slice(1))) at(location.hash.slice(1)).scrollIntoView({ block: "start" });
    return;
  }
  const opener = ui.open && [...document.querySelectorAll(".opener")].find((each) => each.dataset.ref === ui.open);
  const target = opener || at("plugins");
  target.focus({ preventScroll: true });
  (opener ? opener.closest("tr") : target).scrollIntoView({ block: "start" });
}

function setOpen(ref) {
  ui.open = ui.open === ref ? null : ref;
  keepAddress();
  if (!ui.open && ui.graphAs === "around") ui.graphAs = "graph";
  render(["plugins", "dependencies"]);
}

function setFilter(changes) {
  Object.assign(ui, changes);
  keepAddress();
  render(["plugins"]);
}

function clearFilter() {
  setFilter({ text: "", state: "", category: "" });
  if (at("filter-text")) at("filter-text").value = "";
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    announce(`Copied: ${button.dataset.copy}`);
    button.classList.add("done");
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling); // without the right to copy, Ctrl+C is one key away
    announce("Selected; copy it with the keyboard");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.copy) copy(button);
  if (button?.dataset.ref) setOpen(button.dataset.ref);
  if (button?.dataset.do === "reconnect") connection.open();
  if (button?.dataset.do === "all-bars") { ui.allBars = true; render(["start"]); }
  const target = event.target.closest("a")?.getAttribute("href");
  if (target?.includes("=") && target === location.hash) followAddress(); // the browser does nothing for the same address
});

document.addEventListener("input", ({ target }) => {
  if (target.id === "filter-text") setFilter({ text: target.value.trim() });
  if (target.id === "filter-settings") { ui.settingsText = target.value.trim(); render(["configuration"]); }
});

document.addEventListener("change", ({ target }) => {
  if (target.id === "filter-state") setFilter({ state: target.value });
  if (target.id === "filter-category") setFilter({ category: target.value });
  if (target.name === "graph-as") { ui.graphAs = target.value; render(["dependencies"]); }
  if (target.id === "shortcuts") {
    ui.shortcuts = target.checked;
    remember("shortcuts", ui.shortcuts ? "on" : "off");
    render(["plugins"]);
  }
});

document.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("reset", (event) => { event.preventDefault(); clearFilter(); at("filter-text").focus(); });
document.addEventListener("toggle", ({ target }) => {
  if (target.id === "schema" && target.open !== ui.schemaOpen) { ui.schemaOpen = target.open; render(["configuration"]); }
}, true);

function light(ref) {
  if (ref === ui.lit) return;
  ui.lit = ref;
  if (ref) ui.node = ref;
  render(["dependencies"]);
}

document.addEventListener("focusin", ({ target }) => light(target.closest("[data-node]")?.getAttribute("data-node") ?? null));
document.addEventListener("pointerover", ({ target }) => {
  const node = target.closest?.("[data-node]")?.getAttribute("data-node");
  if (node || !document.activeElement?.closest("[data-node]")) light(node ?? null);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { target, key } = event;
  const typing = target.matches("input, select, textarea");
  if (key === "/" && ui.shortcuts && !typing && at("filter-text")) {
    event.preventDefault();
    at("filter-text").focus();
  } else if (key === "Escape") {
    if (ui.open) {
      const ref = ui.open;
      setOpen(ref);
      [...document.querySelectorAll(".opener")].find((each) => each.dataset.ref === ref)?.focus();
    } else if (ui.text || ui.state || ui.category) clearFilter();
  } else if (target.closest("[data-node]") && (key.startsWith("Arrow") || key === "Home" || key === "End")) {
    event.preventDefault();
    const next = walk(target.closest("[data-node]").getAttribute("data-node"), key, context());
    if (next) [...document.querySelectorAll("[data-node]")].find((each) => each.getAttribute("data-node") === next)?.focus();
  } else if (key === "ArrowDown" ? target.matches(".opener, #filter-text") : key === "ArrowUp" && target.matches(".opener")) {
    event.preventDefault();
    const openers = [...document.querySelectorAll(".opener")];
    openers[openers.indexOf(target) + (key === "ArrowDown" ? 1 : -1)]?.focus();
  }
});

addEventListener("hashchange", followAddress);

// Whoever comes back to the page wants to see what is, not what was.
function hurry() {
  if (document.hidden) return;
  if (connection.lostAt === null) connection.ask();
  else connection.open();
}

addEventListener("online", hurry);
document.addEventListener("visibilitychange", hurry);

// Ages and running calls go on between two snapshots.
setInterval(() => {
  renderConnection();
  if (snapshot && !connection.lostAt && !document.hidden) {
    render(snapshot.plugins.some((plugin) => plugin.calls?.length) ? ["platform", "start"] : ["platform"]);
  }
}, 1000);

update(at("keys"), keysPart(ui.shortcuts));
followAddress();
connection.open();

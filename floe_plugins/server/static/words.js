// What the states are called, which shape and tone each has, and what to do next. Colour alone never says anything.

import { foreign, h, icon } from "./dom.js";

const SHAPES = {
  good: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1ZM3.9 8.2 6.9 11.2 12.2 5.6 10.9 4.4 6.9 8.7 5.2 7Z",
  warn: "M8 1.2 15.4 14.6H.6ZM7.1 6v4.4h1.8V6ZM7.1 11.4v1.8h1.8v-1.8Z",
  bad: "M5 1h6l4 4v6l-4 4H5l-4-4V5ZM5.6 4.4 4.4 5.6 6.8 8 4.4 10.4 5.6 11.6 8 9.2 10.4 11.6 11.6 10.4 9.2 8 11.6 5.6 10.4 4.4 8 6.8Z",
  skip: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1ZM8 2.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 8 2.8ZM5 5l3 3-3 3ZM8 5l3 3-3 3Z",
  off: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1ZM8 2.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 8 2.8ZM4.6 7.1h6.8v1.8H4.6Z",
  busy: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1ZM8 2.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 8 2.8ZM7.1 4.4h1.7v3.3l2.4 1.5-.9 1.4-3.2-2Z",
  idle: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1ZM8 2.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 8 2.8Z",
};

const TONES = {
  started: "good", running: "good", healthy: "good", succeeded: "good",
  degraded: "warn", skipped: "skip",
  failed: "bad", unhealthy: "bad", timed_out: "bad",
  starting: "busy", stopping: "busy",
  stopped: "off", disabled: "off",
};

export const STATES = ["started", "failed", "skipped", "configured", "loaded", "discovered", "stopped", "disabled"];
export const HEALTH = ["healthy", "degraded", "unhealthy"];

export function tone(state) {
  return Object.hasOwn(TONES, state) ? TONES[state] : "idle";
}

export function shape(state) {
  return SHAPES[tone(state)];
}

export function badge(state, label = state) {
  return h("span", { class: `badge ${tone(state)}` }, icon(shape(state)), String(label).replaceAll("_", " "));
}

// "1 plugin", "2 plugins".
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

export function seconds(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "";
  if (value < 0.0095) return `${(value * 1000).toFixed(1)} ms`;
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  return value < 100 ? `${value.toFixed(1)} s` : `${Math.round(value)} s`;
}

// The head of a table that is still one for assistive technology when a small screen shows it as a list.
export function tableHead(names) {
  const cells = names.map((name) => h("th", { role: "columnheader", scope: "col" }, name));
  return h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, cells));
}

// "a, b", of texts or elements.
export function joined(parts) {
  return parts.map((part, index) => [index ? ", " : "", part]);
}

export function hint(text, limit) {
  return [h("b", null, "What to do: "), long(text, limit)];
}

// A span of time as an operator says it: "12 s", "3 min", "2 h 5 min".
export function span(value) {
  const whole = Math.max(0, Math.round(value));
  if (whole < 90) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

export function moment(epoch) {
  const when = new Date(epoch * 1000);
  if (Number.isNaN(when.getTime())) return "";
  const text = when.toISOString();
  return h("time", { datetime: text }, `${text.slice(0, 10)} ${text.slice(11, 19)} UTC`);
}

// A long text stands shortened, with the whole behind it.
export function long(text, limit = 360) {
  const characters = Array.from(String(text));
  if (characters.length <= limit + 60) return foreign(text);
  return [
    foreign(`${characters.slice(0, limit).join("")} …`),
    h("details", { class: "whole" },
      h("summary", null, `Show all ${characters.length.toLocaleString("en")} characters`),
      h("p", null, foreign(text))),
  ];
}

// An address stays readable: a colon needs no escape there.
export function encoded(value) {
  return encodeURIComponent(value).replaceAll("%3A", ":");
}

export function link(ref) {
  return h("a", { class: "ref", href: `#plugin=${encoded(ref)}` }, foreign(ref));
}

export function links(refs, known) {
  return joined(refs.map((ref) => (known.has(ref) ? link(ref) : foreign(ref))));
}

// What a shell takes as one word.
function quoted(ref) {
  return /^[\w.:@%+=,/-]+$/.test(ref) ? ref : `'${ref.replaceAll("'", "'\\''")}'`;
}

let program = "floe-plugins";

// What the command line of the platform is called.
export function callProgram(name) {
  program = name;
}

export function command(verb, ref) {
  const text = ref ? `${program} ${verb} ${quoted(ref)}` : `${program} ${verb}`;
  return h("span", { class: "command" },
    h("code", null, text),
    h("button", { type: "button", class: "copy", "data-copy": text, "aria-label": `Copy: ${text}` }, "Copy"));
}

export function isBroken(plugin) {
  return ["failed", "skipped"].includes(plugin.state) || ["degraded", "unhealthy"].includes(plugin.health?.state);
}

// Why a plugin is as it is, in the words of whoever knows best.
export function reasonOf(plugin, problems) {
  const problem = problems.find((each) => each.ref === plugin.ref);
  if (plugin.state === "failed" || plugin.state === "skipped") {
    return plugin.reason || plugin.start?.message || problem?.message || "";
  }
  if (isBroken(plugin)) return plugin.health.message || plugin.reason || "";
  return plugin.reason || problem?.message || "";
}

// The plugins at whose failure a skipped one's waiting ends.
function roots(plugin, plugins, seen = new Set()) {
  return (plugin.needs ?? []).flatMap((ref) => {
    const other = plugins.get(ref);
    if (!other || seen.has(ref)) return [];
    seen.add(ref);
    if (other.state === "skipped") return roots(other, plugins, seen);
    return ["failed", "disabled"].includes(other.state) ? [ref] : [];
  });
}

// What to do about a plugin: {text, refs, verb}; null if there is nothing to do.
export function nextStep(plugin, problems, plugins) {
  const hint = problems.find((each) => each.ref === plugin.ref && each.hint)?.hint;
  if (plugin.state === "skipped") {
    const refs = roots(plugin, plugins);
    if (refs.length) return { text: "Repair first: ", refs, verb: "show" };
  }
  if (plugin.state === "failed") return { text: hint || "", refs: [], verb: "doctor" };
  if (isBroken(plugin)) return { text: hint || "", refs: [], verb: plugin.state === "skipped" ? "show" : "doctor" };
  if (hint) return { text: hint, refs: [], verb: "show" };
  return null;
}

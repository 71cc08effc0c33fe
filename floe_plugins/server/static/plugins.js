// The plugins by category, filtered, with the details of one of them.

import { foreign, h, icon } from "./dom.js";
import {
  badge, command, count, HEALTH, hint, isBroken, joined, links, long, moment, nextStep, reasonOf, seconds, STATES,
  tableHead,
} from "./words.js";

const COLUMNS = ["Plugin", "State", "Health", "Version", "Distribution", "Role", "Reason and next step"];
const CLOSED = "M5 3 11 8 5 13Z";
const OPENED = "M3 5 13 5 8 11Z";

function matches(plugin, { text, state, category }, problems) {
  if (category && plugin.category !== category) return false;
  if (state === "attention" && !isBroken(plugin)) return false;
  if (state && state !== "attention" && plugin.state !== state && plugin.health?.state !== state) return false;
  if (!text) return true;
  const messages = problems.filter((each) => each.ref === plugin.ref).map((each) => each.message);
  const searched = [plugin.ref, plugin.description, plugin.distribution, plugin.reason, plugin.health?.message, ...messages];
  const lower = searched.join("\n").toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => lower.includes(word));
}

function option(value, label, chosen) {
  return h("option", { value, selected: value === chosen }, label);
}

function filters(plugins, ui) {
  const categories = [...new Set([...plugins.map((plugin) => plugin.category), ui.category])].filter(Boolean).sort();
  const present = new Set([...plugins.flatMap((plugin) => [plugin.state, plugin.health?.state]), ui.state]);
  const options = (words) => words.filter((word) => present.has(word)).map((word) => option(word, word, ui.state));
  return h("form", { class: "filters", role: "search", "aria-label": "Filter the plugins" },
    h("div", { class: "field grow" }, h("label", { for: "filter-text" }, "Text"),
      h("input", {
        type: "search", id: "filter-text", autocomplete: "off", spellcheck: "false",
        "aria-keyshortcuts": ui.shortcuts ? "/" : null,
      })),
    h("div", { class: "field" }, h("label", { for: "filter-state" }, "State"),
      h("select", { id: "filter-state" },
        option("", "any", ui.state), option("attention", "needs attention", ui.state),
        h("optgroup", { label: "State" }, options(STATES)),
        h("optgroup", { label: "Health" }, options(HEALTH)))),
    h("div", { class: "field" }, h("label", { for: "filter-category" }, "Category"),
      h("select", { id: "filter-category" },
        option("", "all", ui.category), categories.map((word) => option(word, word, ui.category)))),
    h("button", { type: "reset", disabled: !(ui.text || ui.state || ui.category) }, "Clear"));
}

function cell(label, ...children) {
  return h("td", { role: "cell", "data-label": label }, ...children);
}

function role(plugin) {
  if (plugin.required) return h("b", null, plugin.selected ? "required" : "required, not selected");
  return plugin.selected ? "selected" : h("span", { class: "quiet" }, "not selected");
}

function step(plugin, { problems, plugins }) {
  const next = nextStep(plugin, problems, plugins);
  if (!next) return null;
  const text = next.refs.length ? [next.text, links(next.refs, plugins)] : next.text && hint(next.text, 200);
  return [text && h("p", { class: "hint" }, text), command(next.verb, plugin.ref)];
}

function row(plugin, context) {
  const open = context.ui.open === plugin.ref;
  const reason = reasonOf(plugin, context.problems);
  return [
    h("tr", { role: "row", "data-key": plugin.ref, class: `plugin ${isBroken(plugin) ? "broken" : ""} ${open ? "open" : ""}` },
      h("th", { role: "rowheader", scope: "row" },
        h("button", {
          type: "button", class: "opener", "data-ref": plugin.ref,
          "aria-expanded": String(open), "aria-controls": open ? "details" : null,
        },
          icon(open ? OPENED : CLOSED), foreign(plugin.name))),
      cell("State", badge(plugin.state), (plugin.calls ?? []).map((call) => [" ", badge("starting", `in ${call.stage}`)])),
      cell("Health", plugin.health ? badge(plugin.health.state) : h("span", { class: "quiet" }, "not checked")),
      cell("Version", plugin.version ? foreign(plugin.version) : h("span", { class: "quiet" }, "unknown")),
      cell("Distribution", plugin.distribution ? foreign(plugin.distribution) : h("span", { class: "quiet" }, "unknown")),
      cell("Role", role(plugin)),
      cell("Reason and next step", reason && h("p", { class: "reason" }, long(reason, 160)), step(plugin, context))),
    open && h("tr", { role: "row", class: "details", "data-key": `details of ${plugin.ref}` },
      h("td", { role: "cell", colspan: COLUMNS.length, id: "details" }, details(plugin, context))),
  ];
}

function fact(name, ...value) {
  const content = value.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== "" && each !== false);
  return content.length > 0 && h("div", null, h("dt", null, name), h("dd", null, ...content));
}

function startOutcome({ state, seconds: spent, attempts, message }, told) {
  const more = message && !told.has(message) && [h("br"), long(message)];
  return [badge(state), ` after ${seconds(spent)}`, attempts > 1 && `, ${attempts} attempts`, more];
}

function healthStatus({ state, message, seconds: spent, time }) {
  const checked = h("span", { class: "quiet" }, "checked ", moment(time), ` in ${seconds(spent)}`);
  return [badge(state), message && [" ", long(message)], h("br"), checked];
}

function setting({ path, value, origin, hidden_because: why }, prefix) {
  return h("li", null,
    h("code", null, foreign(path.slice(prefix.length))), " = ",
    why ? ["hidden: ", foreign(why)] : h("code", null, foreign(JSON.stringify(value))),
    origin && h("span", { class: "quiet" }, " from ", foreign(origin)));
}

function details(plugin, { problems, plugins, snapshot }) {
  const { health, start } = plugin;
  const mine = problems.filter((each) => each.ref === plugin.ref);
  const told = new Set(mine.map((each) => each.message));
  const reason = plugin.reason && !told.has(plugin.reason) && long(plugin.reason);
  told.add(plugin.reason ?? "");
  const prefix = `plugins.${plugin.category}.${plugin.name}.`;
  const settings = (snapshot.settings ?? []).filter((each) => each.path.startsWith(prefix));
  return h("div", { class: "detail", role: "group", "aria-label": `Details of ${plugin.ref}` },
    h("p", null, h("b", null, foreign(plugin.ref)), plugin.description ? [": ", long(plugin.description)] : ""),
    mine.length > 0 && h("div", null, h("h4", null, count(mine.length, "problem")),
      h("ul", null, mine.map((each) => h("li", null,
        `${each.stage}: `, long(each.message), each.hint && [h("br"), hint(each.hint)])))),
    h("dl", { class: "facts" },
      fact("Reason", reason),
      fact("Depends on", links(plugin.needs ?? [], plugins)),
      fact("Dependents", links(plugin.needed_by ?? [], plugins)),
      fact("Declared dependencies", joined((plugin.dependencies ?? []).map(foreign))),
      fact("Optional dependencies", joined((plugin.optional_dependencies ?? []).map(foreign))),
      fact("Plugin API", plugin.floe_api_version && foreign(plugin.floe_api_version)),
      fact("Runs now", joined((plugin.calls ?? []).map((call) => call.stage))),
      fact("Start", start && startOutcome(start, told)),
      fact("Waited for", start && links(start.waited_for ?? [], plugins)),
      fact("Health", health && healthStatus(health)),
      fact("Health details", health && Object.keys(health.details ?? {}).length > 0 && long(JSON.stringify(health.details))),
      fact("Restarts", plugin.restarts > 0 && String(plugin.restarts))),
    settings.length > 0 && h("div", null, h("h4", null, "Settings"),
      h("ul", null, settings.map((each) => setting(each, prefix)))),
    h("p", { class: "commands" }, command("show", plugin.ref), command("doctor", plugin.ref)));
}

export function pluginsPart(context) {
  const { snapshot, ui, problems } = context;
  const all = snapshot.plugins;
  const found = all.filter((plugin) => plugin.ref === ui.open || matches(plugin, ui, problems));
  const groups = new Map();
  for (const plugin of found.sort((a, b) => a.ref.localeCompare(b.ref, "en"))) {
    groups.set(plugin.category, [...(groups.get(plugin.category) ?? []), plugin]);
  }
  return [
    h("h2", { id: "plugins-title" }, "Plugins ", h("span", { class: "total" }, String(all.length))),
    all.length === 0 && h("p", { class: "quiet" },
      "No plugin is installed. Install a distribution that offers one into this environment, then type ",
      command("list")),
    all.length > 0 && filters(all, ui),
    all.length > 0 && h("p", { class: "quiet", id: "found", "aria-live": "polite" },
      `${found.length === all.length ? "All" : `${found.length} of`} ${count(all.length, "plugin")}.`),
    ui.open && !context.plugins.has(ui.open) && h("p", { class: "notice" },
      h("strong", null, foreign(ui.open), " is not installed here. "), "What is installed: ", command("list")),
    found.length > 0 && h("table", { class: "plugins", role: "table", "aria-labelledby": "plugins-title" },
      tableHead(COLUMNS),
      [...groups].map(([category, plugins]) => h("tbody", { role: "rowgroup", "data-key": `category ${category}` },
        h("tr", { role: "row", class: "category" }, h("th", { role: "rowheader", scope: "rowgroup", colspan: COLUMNS.length },
          h("h3", null, foreign(category), " ", h("span", { class: "total" }, String(plugins.length))))),
        plugins.map((plugin) => row(plugin, context))))),
  ];
}


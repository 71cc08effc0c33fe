// The start as a timeline, with the chain that decided how long it took, and the same as a table.

import { foreign, h, s } from "./dom.js";
import { badge, count, link, links, seconds, tableHead, tone } from "./words.js";

const AT_FIRST = 40; // bars, before all of them are asked for

// {ref, began, seconds, state, attempts, waited_for} of each plugin whose start began, in the order of beginning.
function starts({ plugins, platform }, now, age) {
  const rows = [];
  for (const plugin of plugins) {
    const call = (plugin.calls ?? []).find((each) => each.stage === "start");
    if (call && platform.started_at) {
      const spent = call.seconds + age;
      const began = Math.max(0, now - platform.started_at - spent);
      rows.push({ ref: plugin.ref, began, seconds: spent, state: "starting", attempts: null, waited_for: plugin.needs });
    } else if (typeof plugin.start?.began === "number") {
      rows.push({ ref: plugin.ref, ...plugin.start });
    }
  }
  return rows.sort((a, b) => a.began - b.began || a.ref.localeCompare(b.ref, "en"));
}

function ticks(end) {
  const rough = end / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  return Array.from({ length: Math.floor(end / size) + 1 }, (_, index) => index * size);
}

function tickLabel(tick, end) {
  const besides = tick / end > 0.95 ? "end" : "middle"; // the last one may not leave the picture
  const anchor = tick === 0 ? "start" : besides;
  return s("text", { x: percent(tick, end), y: "12", "text-anchor": anchor }, tick === 0 ? "0" : seconds(tick));
}

const percent = (part, end) => `${Math.min(100, (part / end) * 100).toFixed(2)}%`;

function bar(each, end, critical) {
  const label = each.state === "starting" ? `${seconds(each.seconds)} so far` : seconds(each.seconds);
  const width = Math.max(each.seconds / end, 0.004);
  return h("li", { "data-key": each.ref, class: `bar ${tone(each.state)} ${critical ? "critical" : ""}` },
    h("span", { class: "name" }, link(each.ref)),
    s("svg", { class: "track", "aria-hidden": "true" },
      ticks(end).map((tick) => s("line", { x1: percent(tick, end), x2: percent(tick, end), y1: "0", y2: "100%" })),
      s("rect", { x: percent(each.began, end), width: percent(width * end, end), y: "25%", height: "50%", rx: "2" }),
      critical && s("rect", { class: "mark", x: percent(each.began, end), width: percent(width * end, end), y: "85%", height: "15%" })),
    h("span", { class: "when" },
      h("span", { class: "visually-hidden" }, ` from ${seconds(each.began)}, `), label,
      !["succeeded", "starting"].includes(each.state) && ` ${each.state.replace("_", " ")}`,
      critical && h("span", { class: "visually-hidden" }, ", on the critical chain")));
}

export function startPart({ snapshot, plugins, now, age, ui }) {
  const rows = starts(snapshot, now, age);
  const chain = new Set(snapshot.critical_chain ?? []);
  const startup = snapshot.startup;
  const end = Math.max(startup?.seconds ?? 0, ...rows.map((each) => each.began + each.seconds), 0.001);
  const spent = rows.filter((each) => chain.has(each.ref)).reduce((sum, each) => sum + each.seconds, 0);
  const shownRows = ui.allBars || rows.length <= AT_FIRST ? rows : mostTelling(rows, chain);
  return [
    h("h2", { id: "start-title" }, "Start"),
    rows.length === 0 && h("p", { class: "quiet" }, "No plugin's start has begun."),
    rows.length > 0 && h("p", null,
      startup ? `The start took ${seconds(startup.seconds)}` : `The start has taken ${seconds(end)} so far`,
      startup?.load_seconds ? `, of it ${seconds(startup.load_seconds)} loading` : "",
      startup?.configure_seconds ? `, ${seconds(startup.configure_seconds)} configuring` : "", ". "),
    chain.size > 0 && h("p", { class: "chain" },
      h("b", null, "Critical chain"), " (underlined; to start faster, make these faster): ",
      [...chain].map((ref, index) => [index ? " → " : "", plugins.has(ref) ? link(ref) : foreign(ref)]),
      spent > 0 && `, ${seconds(spent)}`),
    rows.length > 0 && h("ol", { class: "timeline", "aria-label": "Timeline of the start" },
      h("li", { class: "axis", "aria-hidden": "true" }, h("span"),
        s("svg", { class: "track" }, ticks(end).map((tick) => tickLabel(tick, end))),
        h("span")),
      shownRows.map((each) => bar(each, end, chain.has(each.ref)))),
    shownRows.length < rows.length && h("p", null,
      h("button", { type: "button", "data-do": "all-bars" }, `Show all ${count(rows.length, "plugin")}`),
      " (these are the critical chain and the longest)"),
    rows.length > 0 && h("details", { class: "alternative" }, h("summary", null, "The start as a table"), table(rows, chain, plugins)),
  ];
}

function mostTelling(rows, chain) {
  const longest = new Set([...rows].sort((a, b) => b.seconds - a.seconds).slice(0, AT_FIRST - 10));
  return rows.filter((each) => chain.has(each.ref) || longest.has(each));
}

function table(rows, chain, plugins) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The start as a table" },
    h("table", null,
      tableHead(["Plugin", "Began after", "Took", "State", "Attempts", "Critical", "Waited for"]),
      h("tbody", null, rows.map((each) => h("tr", { "data-key": each.ref },
        h("th", { scope: "row" }, link(each.ref)),
        h("td", { class: "number" }, seconds(each.began)),
        h("td", { class: "number" }, seconds(each.seconds)),
        h("td", null, badge(each.state)),
        h("td", { class: "number" }, String(each.attempts ?? "")),
        h("td", null, chain.has(each.ref) ? "yes" : "no"),
        h("td", null, links(each.waited_for ?? [], plugins)))))));
}

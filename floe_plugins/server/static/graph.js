// The dependency graph: drawn in layers, walked with the arrow keys, and as a list.

import { foreign, h, s, shown } from "./dom.js";
import { around, edgesOf, layout, NODE } from "./layout.js";
import { badge, count, encoded, isBroken, joined, link, links, shape, tone } from "./words.js";

let drawn = { key: null, graph: null };

function graphOf(plugins) {
  const { edges, nodes, alone } = edgesOf(plugins);
  const key = JSON.stringify([nodes, edges, alone]);
  if (key !== drawn.key) drawn = { key, graph: { ...layout(nodes, edges), alone } };
  return drawn.graph;
}

function cut(text, length) {
  const characters = Array.from(shown(text));
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : characters.join("");
}

function stateOf(plugin) {
  return isBroken(plugin) && plugin.state === "started" ? plugin.health.state : plugin.state;
}

function neighbours(ref, edges) {
  return {
    before: edges.filter((edge) => edge.to === ref).map((edge) => edge.from),
    after: edges.filter((edge) => edge.from === ref).map((edge) => edge.to),
  };
}

function spoken(ref, plugin, edges) {
  const { before, after } = neighbours(ref, edges);
  return [
    `${ref}, ${plugin ? stateOf(plugin) : "not installed"}`,
    before.length ? `depends on ${before.join(", ")}` : "depends on nothing",
    after.length ? `${after.length === 1 ? "1 dependent" : `${after.length} dependents`}: ${after.join(", ")}` : "no dependents",
  ].join("; ");
}

function node(ref, place, { plugin, graph, at, near }) {
  const state = plugin ? stateOf(plugin) : "missing";
  const inner = [
    s("rect", { width: NODE.width, height: NODE.height, rx: "5" }),
    s("path", { class: "icon", d: shape(state), transform: "translate(10 11)" }),
    s("text", { x: "34", y: "16", class: "name" }, cut(plugin ? plugin.name : ref, 18)),
    s("text", { x: "34", y: "30", class: "under" }, cut(plugin ? `${state} · ${plugin.category}` : "not installed", 22)),
    s("title", null, ref),
  ];
  const attributes = {
    "data-key": ref,
    "data-node": ref,
    class: `node ${plugin ? tone(state) : "missing"} ${near && !near.has(ref) ? "far" : ""}`,
    tabindex: at === ref ? "0" : "-1",
    "aria-label": spoken(ref, plugin, graph.edges),
    transform: `translate(${place.x} ${place.y.toFixed(1)})`,
  };
  return plugin
    ? s("a", { href: `#plugin=${encoded(ref)}`, ...attributes }, inner)
    : s("g", { role: "img", ...attributes }, inner);
}

const ARROW = {
  id: "arrow", viewBox: "0 0 6 6", refX: "1", refY: "3", orient: "auto",
  markerUnits: "userSpaceOnUse", markerWidth: "7", markerHeight: "7",
};

function drawnEdge(edge, lit) {
  const classes = ["edge", ...["optional", "missing", "cycle"].filter((name) => edge[name])];
  if (lit) classes.push([edge.from, edge.to].includes(lit) ? "lit" : "far");
  const name = `${edge.from} to ${edge.to}`;
  return s("path", { "data-key": name, class: classes.join(" "), d: edge.line, "marker-end": "url(#arrow)" });
}

function picture(plugins, graph, ui) {
  const names = [...graph.places.keys()];
  const at = graph.places.has(ui.node) ? ui.node : graph.columns[0]?.[0] ?? names[0];
  const lit = graph.places.has(ui.lit) ? ui.lit : null;
  const near = lit && new Set([lit, ...Object.values(neighbours(lit, graph.edges)).flat()]);
  const size = { width: graph.width, height: graph.height, viewBox: `0 0 ${graph.width} ${graph.height}` };
  const label = "Dependency graph; walk it with the arrow keys";
  return h("div", { class: "scroll graph", "data-key": "graph" },
    s("svg", { ...size, role: "group", "aria-label": label, "aria-describedby": "graph-help" },
      s("defs", null, s("marker", ARROW, s("path", { d: "M0 0 6 3 0 6z" }))),
      s("g", { "aria-hidden": "true" }, graph.edges.map((edge) => drawnEdge(edge, lit))),
      names.map((ref) => node(ref, graph.places.get(ref), { plugin: plugins.get(ref), graph, at, near }))));
}

function reached(ref, plugins) {
  return plugins.has(ref) ? link(ref) : h("b", null, foreign(ref), " (not installed)");
}

function list(plugins, graph) {
  const rows = [...plugins.values()].sort((a, b) => a.ref.localeCompare(b.ref, "en"));
  return h("ul", { class: "edges", "data-key": "list" }, rows.map((plugin) => {
    const { before, after } = neighbours(plugin.ref, graph.edges);
    return h("li", { "data-key": plugin.ref },
      link(plugin.ref), " ", badge(stateOf(plugin)),
      h("div", null, before.length ? ["depends on ", joined(before.map((ref) => reached(ref, plugins)))] : "depends on nothing",
        after.length > 0 && ["; dependents: ", links(after, plugins)]));
  }));
}

function choice(value, label, ui) {
  const attributes = { type: "radio", name: "graph-as", value, id: `graph-as-${value}`, checked: ui.graphAs === value };
  return h("label", null, h("input", attributes), ` ${label}`);
}

// What the operator chose to see: everything, or what is around the plugin that is open.
export function chosen({ plugins, ui }) {
  return ui.graphAs === "around" && plugins.has(ui.open) ? around(ui.open, plugins) : plugins;
}

export function dependenciesPart(context) {
  const { ui } = context;
  const plugins = chosen(context);
  const graph = graphOf(plugins);
  const open = context.plugins.has(ui.open) ? ui.open : null;
  const cycles = graph.edges.filter((edge) => edge.cycle);
  const missing = graph.edges.filter((edge) => edge.missing);
  return [
    h("h2", { id: "dependencies-title" }, "Dependencies"),
    plugins.size === 0 && h("p", { class: "quiet" }, "No plugin, no dependency."),
    plugins.size > 0 && h("fieldset", { class: "choice" },
      h("legend", null, "Show as"),
      choice("graph", "graph", ui),
      open && choice("around", `graph around ${open}`, ui),
      choice("list", "list", ui)),
    missing.length > 0 && h("p", { class: "notice bad" }, h("strong", null, "Not installed: "),
      missing.map((edge, index) => [index ? "; " : "", foreign(edge.from), ", which ", link(edge.to), " depends on"]), "."),
    cycles.length > 0 && h("p", { class: "notice bad" }, h("strong", null, "Cycle: "),
      cycles.map((edge, index) => [index ? "; " : "", link(edge.to), " and ", link(edge.from), " depend on each other"]), "."),
    ui.graphAs === "list" && plugins.size > 0 && list(plugins, graph),
    ui.graphAs !== "list" && plugins.size > 0 && [
      graph.places.size === 0 && h("p", { class: "quiet" }, "No plugin depends on another one."),
      graph.places.size > 0 && h("p", { class: "quiet", id: "graph-help" },
        "What starts first stands on the left; an arrow leads to the dependent, a dashed one if the dependency is ",
        "optional. Arrow keys walk, Enter opens."),
      graph.places.size > 0 && picture(plugins, graph, ui),
      graph.alone.length > 0 && graph.places.size > 0 && h("p", { class: "alone" },
        `${count(graph.alone.length, "plugin")} without dependencies or dependents: `, links(graph.alone, plugins), "."),
    ],
  ];
}

// The node that an arrow key leads to from another one; null if there is none.
export function walk(ref, key, context) {
  const graph = graphOf(chosen(context));
  const column = graph.columns.findIndex((refs) => refs.includes(ref));
  if (column < 0) return null;
  const refs = graph.columns[column];
  const at = refs.indexOf(ref);
  if (key === "ArrowUp") return refs[at - 1] ?? null;
  if (key === "ArrowDown") return refs[at + 1] ?? null;
  if (key === "Home") return graph.columns[0][0] ?? null;
  if (key === "End") return graph.columns.at(-1).at(-1) ?? null;
  const { before, after } = neighbours(ref, graph.edges);
  const here = graph.places.get(ref);
  const columns = (each) => Math.abs(each.column - here.column);
  const rows = (each) => Math.abs(each.y - here.y);
  const places = (key === "ArrowLeft" ? before : after).map((name) => graph.places.get(name));
  return places.sort((a, b) => columns(a) - columns(b) || rows(a) - rows(b))[0]?.name ?? null;
}

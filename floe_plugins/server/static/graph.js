// The dependency graph: drawn in layers, walked with the arrow keys, and as a list.

import { foreign, h, s, shown } from "./dom.js";
import { around, edgesOf, layout, NODE } from "./layout.js";
import { badge, count, isBroken, link, links, shape, tone } from "./words.js";

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
  return { before: edges.filter((edge) => edge.to === ref).map((edge) => edge.from), after: edges.filter((edge) => edge.from === ref).map((edge) => edge.to) };
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
  const focus = { "data-node": ref, tabindex: at === ref ? "0" : "-1", "aria-label": spoken(ref, plugin, graph.edges), transform: `translate(${place.x} ${place.y.toFixed(1)})`, "data-key": ref };
  const look = `node ${plugin ? tone(state) : "missing"} ${near && !near.has(ref) ? "far" : ""}`;
  return plugin
    ? s("a", { href: `#plugin=${encodeURIComponent(ref).replaceAll("%3A", ":")}`, class: look, ...focus }, inner)
    : s("g", { role: "img", class: look, ...focus }, inner);
}

function picture(plugins, graph, ui) {
  const names = [...graph.places.keys()];
  const at = graph.places.has(ui.node) ? ui.node : graph.columns[0]?.[0] ?? names[0];
  const lit = graph.places.has(ui.lit) ? ui.lit : null;
  const near = lit && new Set([lit, ...Object.values(neighbours(lit, graph.edges)).flat()]);
  return h("div", { class: "scroll graph", "data-key": "graph" },
    s("svg", { width: graph.width, height: graph.height, viewBox: `0 0 ${graph.width} ${graph.height}`, role: "group", "aria-label": "Dependency graph; walk it with the arrow keys", "aria-describedby": "graph-help" },
      s("defs", null, s("marker", { id: "arrow", viewBox: "0 0 6 6", refX: "1", refY: "3", markerUnits: "userSpaceOnUse", markerWidth: "7", markerHeight: "7", orient: "auto" }, s("path", { d: "M0 0 6 3 0 6z" }))),
      s("g", { "aria-hidden": "true" }, graph.edges.map((edge) => s("path", {
        "data-key": `${edge.from} to ${edge.to}`,
        class: ["edge", edge.optional && "optional", edge.missing && "missing", edge.cycle && "cycle", lit && (edge.from === lit || edge.to === lit ? "lit" : "far")].filter(Boolean).join(" "),
        d: edge.line, "marker-end": "url(#arrow)",
      }))),
      names.map((ref) => node(ref, graph.places.get(ref), { plugin: plugins.get(ref), graph, at, near }))));
}

function list(plugins, graph) {
  const rows = [...plugins.values()].sort((a, b) => a.ref.localeCompare(b.ref, "en"));
  return h("ul", { class: "edges", "data-key": "list" }, rows.map((plugin) => {
    const { before, after } = neighbours(plugin.ref, graph.edges);
    return h("li", { "data-key": plugin.ref },
      link(plugin.ref), " ", badge(stateOf(plugin)),
      h("div", null, before.length ? ["depends on ", before.map((ref, index) => [index ? ", " : "", plugins.has(ref) ? link(ref) : h("b", null, foreign(ref), " (not installed)")])] : "depends on nothing",
        after.length > 0 && ["; dependents: ", links(after, plugins)]));
  }));
}

function choice(value, label, ui) {
  return h("label", null, h("input", { type: "radio", name: "graph-as", value, id: `graph-as-${value}`, checked: ui.graphAs === value }), ` ${label}`);
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
    plugins.size > 0 && h("fieldset", { class: "choice" }, h("legend", null, "Show as"), choice("graph", "graph", ui), open && choice("around", `graph around ${open}`, ui), choice("list", "list", ui)),
    missing.length > 0 && h("p", { class: "notice bad" }, h("strong", null, "Not installed: "),
      missing.map((edge, index) => [index ? "; " : "", foreign(edge.from), ", which ", link(edge.to), " depends on"]), "."),
    cycles.length > 0 && h("p", { class: "notice bad" }, h("strong", null, "Cycle: "),
      cycles.map((edge, index) => [index ? "; " : "", link(edge.to), " and ", link(edge.from), " depend on each other"]), "."),
    ui.graphAs === "list" && plugins.size > 0 && list(plugins, graph),
    ui.graphAs !== "list" && plugins.size > 0 && [
      graph.places.size === 0 && h("p", { class: "quiet" }, "No plugin depends on another one."),
      graph.places.size > 0 && h("p", { class: "quiet", id: "graph-help" },
        "What starts first stands on the left; an arrow leads to the dependent, a dashed one if the dependency is optional. Arrow keys walk, Enter opens."),
      graph.places.size > 0 && picture(plugins, graph, ui),
      graph.alone.length > 0 && graph.places.size > 0 && h("p", { class: "alone" }, `${count(graph.alone.length, "plugin")} without dependencies or dependents: `, links(graph.alone, plugins), "."),
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
  const distance = (name) => {
    const there = graph.places.get(name);
    return [Math.abs(there.column - here.column), Math.abs(there.y - here.y)];
  };
  const nearest = (names) => [...names].map((name) => [...distance(name), name]).sort((a, b) => a[0] - b[0] || a[1] - b[1])[0]?.[2] ?? null;
  return nearest(key === "ArrowLeft" ? before : after);
}

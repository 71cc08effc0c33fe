// Places for a graph in layers: each node right of everything that it depends on, with few crossings.

export const NODE = { width: 164, height: 38 };
const GAP = { column: 44, row: 12, lane: 2, beside: 6 };

const SCREEN = 640;

// What each dependency text of a plugin leads to: a ref that is installed, or the text itself if nothing fits.
function targets(plugin, plugins, categories) {
  const found = new Map((plugin.needs ?? []).map((ref) => [ref, { optional: false }]));
  const sides = [[plugin.dependencies ?? [], false], [plugin.optional_dependencies ?? [], true]];
  const fits = (text, ref) => {
    const [name] = /^[^\s<>=!~;,]+/.exec(text) ?? [text];
    return ref === name || ref.split(":", 1)[0] === name || ref.slice(ref.indexOf(":") + 1) === name;
  };
  for (const ref of found.keys()) {
    const wanted = sides[0][0].some((text) => fits(text, ref));
    found.get(ref).optional = !wanted && sides[1][0].some((text) => fits(text, ref));
  }
  for (const text of sides[0][0]) {
    if ([...found.keys()].some((ref) => fits(text, ref))) continue;
    const [name] = /^[^\s<>=!~;,]+/.exec(text) ?? [text];
    if (plugins.has(name)) found.set(name, { optional: false });
    else if (!categories.has(name)) found.set(text, { optional: false, missing: true });
  }
  return found;
}

// {edges: [{from, to, optional, missing}], alone: [refs without any edge], nodes: [refs and missing texts]}.
export function edgesOf(plugins) {
  const categories = new Set([...plugins.values()].map((plugin) => plugin.category));
  const edges = [];
  for (const plugin of plugins.values()) {
    for (const [from, kind] of targets(plugin, plugins, categories)) {
      if (from !== plugin.ref && (plugins.has(from) || kind.missing)) edges.push({ from, to: plugin.ref, ...kind });
    }
  }
  const nodes = [...new Set(edges.flatMap((edge) => [edge.from, edge.to]))].sort();
  const connected = new Set(nodes);
  return { edges, nodes, alone: [...plugins.keys()].filter((ref) => !connected.has(ref)).sort() };
}

// The plugins that one depends on and its dependents, over any distance, and itself.
export function around(ref, plugins) {
  const { edges } = edgesOf(plugins);
  const found = new Set([ref]);
  for (const [near, far] of [["to", "from"], ["from", "to"]]) {
    const queue = [ref];
    const seen = new Set(queue);
    while (queue.length) {
      const here = queue.pop();
      for (const edge of edges) {
        if (edge[near] !== here || seen.has(edge[far])) continue;
        seen.add(edge[far]);
        queue.push(edge[far]);
      }
    }
    seen.forEach((each) => found.add(each));
  }
  return new Map([...plugins].filter(([each]) => found.has(each)));
}

// The layer of each node; an edge that closes a cycle does not count, and is marked.
function layersOf(nodes, edges) {
  const incoming = new Map(nodes.map((node) => [node, []]));
  for (const edge of edges) incoming.get(edge.to).push(edge);
  const layer = new Map();
  const open = new Set();
  const visit = (node) => {
    if (layer.has(node)) return layer.get(node);
    open.add(node);
    let highest = 0;
    for (const edge of incoming.get(node)) {
      edge.cycle = open.has(edge.from);
      if (!edge.cycle) highest = Math.max(highest, visit(edge.from) + 1);
    }
    open.delete(node);
    layer.set(node, highest);
    return highest;
  };
  nodes.forEach(visit);
  return layer;
}

// Columns of nodes and of the bends of long edges, and the pieces of edges between neighbouring columns.
function columnsOf(nodes, edges, layer) {
  const columns = Array.from({ length: Math.max(0, ...layer.values()) + 1 }, () => []);
  const cells = new Map();
  const cell = (name, column, height) => {
    const made = { name, column, height, before: [], after: [], y: 0 };
    columns[column].push(made);
    return made;
  };
  for (const node of nodes) cells.set(node, cell(node, layer.get(node), NODE.height));
  const lanes = new Map(); // the long edges from one node share their way
  const lane = (from, column) => {
    const key = `${column} ${from}`;
    if (!lanes.has(key)) lanes.set(key, cell(null, column, GAP.lane));
    return lanes.get(key);
  };
  const joined = new Set();
  for (const edge of edges) {
    const path = [cells.get(edge.from)];
    if (!edge.cycle) {
      for (let column = layer.get(edge.from) + 1; column < layer.get(edge.to); column += 1) path.push(lane(edge.from, column));
    }
    path.push(cells.get(edge.to));
    edge.path = path;
    if (edge.cycle) continue;
    for (let index = 1; index < path.length; index += 1) {
      const last = index === path.length - 1;
      if (!last && joined.has(path[index])) continue;
      joined.add(path[index]);
      path[index - 1].after.push(path[index]);
      path[index].before.push(path[index - 1]);
    }
  }
  return { columns, cells };
}

const mean = (numbers) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
const middle = (each) => each.y + each.height / 2;

const room = (each) => each.height + (each.name === null ? GAP.beside : GAP.row);

// Keep the order of a column, and move each cell as near to where it wants to be as the others allow.
function settle(column, side) {
  const wanted = column.map((each) => (each[side].length ? mean(each[side].map(middle)) - each.height / 2 : each.y));
  let low = -Infinity;
  column.forEach((each, index) => {
    each.y = Math.max(wanted[index], low);
    low = each.y + room(each);
  });
  const shift = mean(column.map((each, index) => wanted[index] - each.y));
  for (const each of column) each.y += shift;
}

function order(columns) {
  for (const column of columns) column.forEach((each, index) => { each.place = index; });
  for (let sweep = 0; sweep < 10; sweep += 1) {
    const forward = sweep % 2 === 0;
    const side = forward ? "before" : "after";
    for (const column of forward ? columns : [...columns].reverse()) {
      for (const each of column) each.rank = each[side].length ? mean(each[side].map((other) => other.place)) : each.place;
      column.sort((a, b) => a.rank - b.rank || a.place - b.place);
      column.forEach((each, index) => { each.place = index; });
    }
  }
}

// {width, height, places: Map(node -> {x, y, column}), edges: [... with points], columns: [[nodes from above to below]]}.
export function layout(nodes, edges) {
  const { columns, cells } = columnsOf(nodes, edges, layersOf(nodes, edges));
  order(columns);
  for (const column of columns) {
    let y = 0;
    for (const each of column) {
      each.y = y;
      y += room(each);
    }
  }
  // What fits a screen is drawn with straight edges; what does not is packed at the top, where the eye begins.
  const tallest = Math.max(0, ...columns.flat().map((each) => each.y));
  for (let sweep = 0; sweep < (tallest < SCREEN ? 8 : 0); sweep += 1) {
    const forward = sweep % 2 === 0;
    for (const column of forward ? columns : [...columns].reverse()) settle(column, forward ? "before" : "after");
  }
  const everything = columns.flat();
  const top = Math.min(0, ...everything.map((each) => each.y));
  for (const each of everything) {
    each.y += 2 - top;
    each.x = 2 + each.column * (NODE.width + GAP.column);
  }
  return {
    width: columns.length * (NODE.width + GAP.column) - GAP.column + 4,
    height: Math.max(0, ...everything.map((each) => each.y + each.height)) + 2,
    places: cells,
    edges: edges.map((edge) => ({ ...edge, line: line(edge.path) })),
    columns: columns.map((column) => column.filter((each) => each.name !== null).map((each) => each.name)),
  };
}

function line(path) {
  const parts = [];
  let [x, y] = [path[0].x + NODE.width, middle(path[0])];
  parts.push(`M${x} ${y.toFixed(1)}`);
  for (const each of path.slice(1)) {
    const bend = each.name === null;
    const [nextX, nextY] = [bend ? each.x : each.x - 5, middle(each)];
    const reach = Math.max(18, Math.abs(nextX - x) / 2);
    parts.push(`C${x + reach} ${y.toFixed(1)} ${nextX - reach} ${nextY.toFixed(1)} ${nextX} ${nextY.toFixed(1)}`);
    [x, y] = [nextX, nextY];
    if (bend) {
      x += NODE.width;
      parts.push(`H${x}`);
    }
  }
  return parts.join("");
}

// Beside the parts: whether the page is live, the contents, and the keys.

import { h, icon } from "./dom.js";
import { isBroken, shape, span } from "./words.js";

const NAMES = {
  platform: "Platform", problems: "Problems", plugins: "Plugins",
  dependencies: "Dependencies", start: "Start", configuration: "Configuration",
};
const KEYS = [
  ["/", "filter the plugins"],
  ["↑ ↓", "from plugin to plugin"],
  ["Enter", "open or close it"],
  ["Esc", "clear the filter, close the plugin"],
  ["← → ↑ ↓", "walk the graph"],
];

// `notShown` says why the last snapshot could not be drawn.
export function connectionPart(connection, notShown) {
  const { age, error, lostAt, retryAt } = connection;
  const old = age === null ? "There is no data yet." : `Data is ${span(age)} old.`;
  if (lostAt !== null) {
    const wait = retryAt === null ? null : Math.max(0, (retryAt - performance.now()) / 1000);
    return [
      h("p", null, icon(shape("degraded")), h("strong", null, " Connection lost"), `: ${error}. `, h("strong", null, old)),
      h("p", null, wait === null ? "Connecting. " : `Next attempt in ${span(wait)}. `,
        h("button", { type: "button", "data-do": "reconnect" }, "Connect now")),
    ];
  }
  if (notShown) {
    return h("p", null,
      icon(shape("degraded")), h("strong", null, " Not everything is shown"),
      `, since the page cannot draw what the server sent: ${notShown}. All of it is at `,
      h("a", { href: "api/snapshot" }, "/api/snapshot"), ".");
  }
  return h("p", null, icon(shape(connection.live ? "healthy" : "starting")), connection.live ? ` Live. ${old}` : " Connecting.");
}

export function contentsPart({ plugins, problems }) {
  const totals = { problems: problems.length, plugins: plugins.length };
  const broken = plugins.filter(isBroken).length;
  return h("ul", null, Object.entries(NAMES).map(([part, name]) => h("li", null,
    h("a", { href: `#${part}` }, name,
      part in totals && h("span", { class: "total" }, ` ${totals[part]}`),
      part === "problems" && totals.problems > 0 && icon(shape("failed"), "needs attention"),
      part === "plugins" && broken > 0 && icon(shape("degraded"), `${broken} need attention`)))));
}

export function keysPart(shortcuts) {
  return h("details", null,
    h("summary", null, "Keys"),
    h("dl", null, KEYS.map(([key, what]) => h("div", null, h("dt", null, h("kbd", null, key)), h("dd", null, what)))),
    h("label", null, h("input", { type: "checkbox", id: "shortcuts", checked: shortcuts }), " the key / is on"));
}

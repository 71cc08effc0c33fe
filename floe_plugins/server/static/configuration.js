// The effective settings with their origins, and the JSON schema that they follow.

import { foreign, h } from "./dom.js";
import { long, tableHead } from "./words.js";

const FEW = 8; // settings that need no filter
const DEEPEST = 8; // levels of a schema that are drawn

function setting(each) {
  return h("tr", { role: "row", "data-key": each.path },
    h("th", { role: "rowheader", scope: "row" }, h("code", null, foreign(each.path))),
    h("td", { role: "cell", "data-label": "Value" }, each.hidden_because
      ? [h("code", null, "***"), h("span", { class: "quiet" }, " hidden: ", foreign(each.hidden_because))]
      : h("code", null, long(JSON.stringify(each.value) ?? "null", 200))),
    h("td", { role: "cell", "data-label": "From", class: "quiet" }, foreign(each.origin ?? "")));
}

export function configurationPart({ snapshot, ui }) {
  const settings = snapshot.settings ?? [];
  const text = ui.settingsText.toLowerCase();
  const found = settings.filter((each) => !text || `${each.path} ${each.origin}`.toLowerCase().includes(text));
  return [
    h("h2", { id: "configuration-title" }, "Configuration ", h("span", { class: "total" }, String(settings.length))),
    h("p", { class: "quiet" }, "The settings in force, each with the place that it comes from. Values that may be secret are hidden."),
    settings.length === 0 && h("p", { class: "quiet" }, "Nothing is set: every plugin has its defaults."),
    settings.length > FEW && h("div", { class: "filters" },
      h("div", { class: "field grow" },
        h("label", { for: "filter-settings" }, "Filter the settings"),
        h("input", { type: "search", id: "filter-settings", autocomplete: "off", spellcheck: "false" }))),
    found.length < settings.length && h("p", { class: "quiet" }, `${found.length} of ${settings.length} settings.`),
    found.length > 0 && h("table", { class: "settings", role: "table", "aria-labelledby": "configuration-title" },
      tableHead(["Setting", "Value", "From"]),
      h("tbody", { role: "rowgroup" }, found.map(setting))),
    snapshot.schema && h("details", { class: "alternative", id: "schema" },
      h("summary", null, "JSON schema: what can be set"),
      h("p", { class: "quiet" }, "As a file: ", h("a", { href: "api/schema" }, "/api/schema")),
      ui.schemaOpen && properties(snapshot.schema, snapshot.schema, 0)),
  ];
}

function resolved(schema, root) {
  let here = schema;
  for (let step = 0; step < DEEPEST && typeof here?.$ref === "string"; step += 1) {
    const { $ref, ...rest } = here;
    const names = $ref.replace(/^#\//, "").split("/").map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
    const target = names.reduce((node, name) => node?.[name], root);
    here = { ...target, ...rest };
    if (!target) break;
  }
  return here && typeof here === "object" ? here : {};
}

function typeOf(schema, root) {
  const many = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (many) return [...new Set(many.map((each) => typeOf(resolved(each, root), root)))].join(" | ");
  const type = Array.isArray(schema.type) ? schema.type.join(" | ") : schema.type ?? "any";
  return type === "array" && schema.items ? `array of ${typeOf(resolved(schema.items, root), root)}` : String(type);
}

function properties(given, root, depth) {
  const schema = resolved(given, root);
  const names = Object.entries(schema.properties ?? {});
  if (depth >= DEEPEST || !names.length) return depth === 0 ? h("p", { class: "quiet" }, "The schema names no property.") : null;
  return h("ul", { class: "schema" }, names.map(([name, value]) => {
    const inner = resolved(value, root);
    const line = [
      h("code", null, foreign(name)), " ", h("span", { class: "quiet" }, foreign(typeOf(inner, root))),
      schema.required?.includes(name) && h("b", null, " required"),
      inner.default !== undefined && h("span", { class: "quiet" }, " default ", foreign(JSON.stringify(inner.default))),
      inner.description && [" ", long(inner.description, 200)]];
    const deeper = properties(inner, root, depth + 1);
    return h("li", { "data-key": name }, deeper ? h("details", null, h("summary", null, line), deeper) : line);
  }));
}

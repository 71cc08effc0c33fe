// The top of the page: the verdict with its reasons, what runs now, and the problems.

import { foreign, h, icon } from "./dom.js";
import { badge, command, count, HEALTH, hint, isBroken, link, long, moment, shape, span, STATES, tone } from "./words.js";

const SILENT = 10; // seconds without a heartbeat that are worth a word

function verdict({ state, health, ready, restarts }) {
  if (state === "running" && ready && health === "healthy") return ["healthy", "Running and healthy"];
  if (state === "running" && ready) return [health ?? "running", health ? `Running, ${health}` : "Running"];
  if (state === "running") return ["unhealthy", `Running, not ready${health && health !== "healthy" ? `, ${health}` : ""}`];
  if (state === "starting") return ["starting", restarts ? "Starting again" : "Starting"];
  const said = String(state);
  return [state, said.charAt(0).toUpperCase() + said.slice(1)];
}

function tally(state, number) {
  return h("li", null,
    h("a", { href: `#state=${state}`, class: `tally ${tone(state)}` },
      icon(shape(state)), h("span", { class: "number" }, String(number)), ` ${state}`));
}

function tallies(plugins) {
  const numbers = new Map();
  for (const plugin of plugins) {
    for (const word of [plugin.state, plugin.health?.state]) numbers.set(word, (numbers.get(word) ?? 0) + 1);
  }
  const broken = plugins.filter(isBroken).length;
  return h("ul", { class: "tallies", "aria-label": "Plugins by state and health" },
    broken > 0 && h("li", null, h("a", { href: "#state=attention", class: "tally strong" },
      `${broken} of ${count(plugins.length, "plugin")} need${broken === 1 ? "s" : ""} attention`)),
    [...STATES, ...HEALTH].filter((word) => numbers.has(word)).map((word) => tally(word, numbers.get(word))));
}

function reasonsTitle({ state, ready }) {
  if (state === "starting") return "What it waits for";
  return ready ? "Worth knowing" : "Why it is not ready";
}

function restarted(times) {
  if (!times) return "";
  return `, and was restarted ${times === 1 ? "once" : `${times} times`}`;
}

function fact(name, ...value) {
  return h("div", null, h("dt", null, name), h("dd", null, ...value));
}

export function platformPart({ snapshot, plugins: known, now, age, ui }) {
  const { platform, plugins } = snapshot;
  const [word, title] = verdict(platform);
  const isStarted = (plugin) => plugin.state === "started";
  const selected = plugins.filter((plugin) => plugin.selected);
  // The next snapshot knows of newer heartbeats: only one that was late already has grown older since.
  const heartbeat = typeof platform.heartbeat_age === "number" ? platform.heartbeat_age : null;
  return [
    h("div", { class: `verdict ${tone(word)}` },
      icon(shape(word)),
      h("div", null,
        h("h1", { id: "verdict" }, h("span", { class: "visually-hidden" }, "Platform: "), title),
        platform.state === "starting" && h("p", null,
          `${selected.filter(isStarted).length} of ${count(selected.length, "selected plugin")} started.`),
        platform.state === "running" && platform.ready && h("p", null,
          `Ready: ${count(plugins.filter(isStarted).length, "plugin")} started, and no required one is unhealthy.`),
        !platform.ready && platform.state === "running" && !platform.reasons.length && h("p", null, "Not ready; no reason was given."))),
    platform.reasons.length > 0 && h("div", null,
      h("h2", { class: "minor" }, reasonsTitle(platform)),
      h("ul", { class: `reasons ${tone(word)}` }, platform.reasons.map((reason) => h("li", null, reasonText(reason, known))))),
    platform.last_end && h("p", { class: `notice ${platform.state === "running" ? "" : "bad"}` },
      h("strong", null, `The process that runs the plugins ended${restarted(platform.restarts)}. `),
      "Last end: ", long(platform.last_end)),
    heartbeat !== null && heartbeat > SILENT && h("p", { class: "notice bad" },
      h("strong", null, `The process that runs the plugins has not answered for ${span(heartbeat + age)}. `),
      "A plugin may be holding it; what runs now is below."),
    plugins.length > 0 && tallies(plugins),
    runsNow(snapshot, age, ui),
    h("dl", { class: "facts" },
      fact("Configuration", platform.configuration ? foreign(platform.configuration) : "none: defaults and environment"),
      platform.started_at && fact("Started", moment(platform.started_at), `, ${span(now - platform.started_at)} ago`),
      fact("Process", `${platform.pid ?? "?"}${platform.host_pid ? `; plugins in ${platform.host_pid}` : ""}`),
      heartbeat !== null && fact("Heartbeat", `${span(heartbeat)} ago`),
      fact("Restarts", String(platform.restarts ?? 0)),
      fact("floe-plugins", foreign(platform.version))),
  ];
}

// A reason, with the plugin that it begins with as a link.
function reasonText(reason, plugins) {
  const ref = /^[\w-]+:[\w.-]*\w/.exec(reason)?.[0];
  return ref && plugins.has(ref) ? [link(ref), long(reason.slice(ref.length))] : long(reason);
}

function progress({ ref, stage, timeout }, elapsed) {
  return h("progress", { max: timeout, value: Math.min(elapsed, timeout), "aria-label": `${ref}: ${stage}` });
}

function runsNow({ plugins, platform }, age, ui) {
  const calls = plugins.flatMap((plugin) => (plugin.calls ?? []).map((call) => ({ ...call, ref: plugin.ref })));
  if (!calls.length && platform.state !== "starting") return null;
  return h("div", { class: "now" },
    h("h2", { class: "minor" }, "Running now"),
    calls.length === 0 && h("p", { class: "quiet" }, "No plugin's code runs at this moment."),
    h("ul", { class: "calls" }, calls.sort((a, b) => b.seconds - a.seconds).map((call) => {
      const elapsed = call.seconds + age;
      const retry = ui.retries.get(call.ref);
      return h("li", { "data-key": `${call.ref} ${call.stage}` },
        h("span", null, link(call.ref), " ", h("span", { class: "stage" }, call.stage)),
        call.timeout ? progress(call, elapsed) : h("span"),
        h("span", { class: "number" }, call.timeout ? `${span(elapsed)} of ${span(call.timeout)}` : `${span(elapsed)}, no timeout`),
        retry && h("span", { class: "retry" }, "Tried again: ", long(retry, 200)));
    })));
}

export function problemsPart({ snapshot: { problems }, plugins }) {
  return [
    h("h2", { id: "problems-title" }, "Problems ", h("span", { class: "total" }, String(problems.length))),
    problems.length === 0 && h("p", { class: "quiet" }, "No problem was found."),
    h("ul", { class: "problems" }, problems.map((problem) => h("li", null,
      h("p", { class: "subject" },
        badge("failed", problem.stage),
        plugins.has(problem.ref) ? link(problem.ref) : h("b", null, foreign(problem.ref ?? "no single plugin")),
        problem.distribution && h("span", { class: "quiet" }, "from ", foreign(problem.distribution))),
      h("p", { class: "message" }, long(problem.message)),
      problem.hint && h("p", { class: "hint" }, hint(problem.hint)),
      h("p", { class: "commands" }, h("span", { class: "quiet" }, "Type "),
        problem.ref ? [command("show", problem.ref), command("doctor", problem.ref)] : command("check"))))),
  ];
}

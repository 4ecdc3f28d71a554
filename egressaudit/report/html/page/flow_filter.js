"use strict";
// Which flows are looked at: one filter for picture, time and table. Out: `flowFilter.flows()`, and a bar that shows
// and changes the filter; `flowFilter.onChange(draw)` is called after each change.

const flowFilter = (() => {
  const states = new Set(STATES);
  const chosen = new Map(); // kind of node -> { label, fits }
  let words = "";
  const listeners = [];
  const bar = document.getElementById("flow-filter");
  const searched = new Map();

  // What a search looks through, once for each flow.
  function text(flow) {
    if (!searched.has(flow)) {
      const parts = [flow.subject, flow.place, flow.path, ...flow.via, flow.because, flow.rule, ...flow.controls, ...flow.names, ...flow.reached];
      searched.set(flow, [STATE_WORDS[flow.state], ...parts, ...flow.causes].join(" ").toLowerCase());
    }
    return searched.get(flow);
  }

  function fits(flow) {
    if (!states.has(flow.state)) return false;
    for (const { fits: fit } of chosen.values()) if (!fit(flow)) return false;
    return words.split(" ").every((word) => !word || text(flow).includes(word));
  }

  let found = report.flows;
  function changed() {
    found = report.flows.filter(fits);
    drawBar();
    listeners.forEach((listener) => listener());
  }

  function toggle(state) {
    states.has(state) ? states.delete(state) : states.add(state);
    changed();
  }
  function choose(kind, label, fit) {
    if (chosen.get(kind)?.label === label) chosen.delete(kind);
    else chosen.set(kind, { label, fits: fit });
    changed();
  }
  function only(label, flow) {
    chosen.clear();
    states.clear();
    STATES.forEach((state) => states.add(state));
    search.value = words = "";
    choose("finding", label, (each) => each === flow);
  }
  function clear() {
    chosen.clear();
    STATES.forEach((state) => states.add(state));
    search.value = words = "";
    changed();
  }

  const search = element("input", {
    type: "search", id: "flow-search", "aria-label": "Search flows", placeholder: "workload, host, gateway, rule …", autocomplete: "off", spellcheck: "false",
    oninput: () => { words = search.value.toLowerCase(); changed(); },
  });
  const toggles = STATES.filter((state) => report.flows.some((flow) => flow.state === state)).map((state) => {
    const groups = report.flows.filter((flow) => flow.state === state);
    const flows = groups.reduce((sum, flow) => sum + flow.flows, 0);
    const button = element(
      "button", { type: "button", class: `toggle is-${state}`, onclick: () => toggle(state) },
      element("span", { class: "sign", "aria-hidden": "true" }), element("b", {}, STATE_WORDS[state]),
      ` ${counted(flows, "flow")} in ${counted(groups.length, "group")}`,
    );
    return [state, button];
  });
  const chips = element("span", { class: "tools" });
  const said = element("span", { class: "hint", role: "status" });

  function drawBar() {
    for (const [state, button] of toggles) button.setAttribute("aria-pressed", states.has(state));
    const parts = [...chosen].map(([kind, { label }]) => element(
      "button", { type: "button", class: "chip", "aria-label": `Show all again, not only ${label}`,
        onclick: () => { chosen.delete(kind); changed(); } },
      label, " ✕",
    ));
    const filtered = found.length < report.flows.length;
    if (filtered) parts.push(element("button", { type: "button", onclick: clear }, "Show all"));
    chips.replaceChildren(...parts);
    said.textContent = filtered ? `${figure(found.length)} of ${counted(report.flows.length, "group")} shown` : "";
  }

  bar.append(
    ...toggles.map(([, button]) => button),
    element("label", { for: "flow-search" }, "Search", search), chips, said,
  );
  drawBar();
  return {
    flows: () => found,
    onChange: (listener) => listeners.push(listener),
    isChosen: (kind, label) => chosen.get(kind)?.label === label,
    choose, only,
  };
})();

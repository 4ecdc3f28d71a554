"use strict";
// When flows began, and what the logs cover, on one axis. An audit counts when flows began only if this report is asked
// for. Where it did not (a report that was judged for another format), only what is known is drawn: the span of each
// group, from its first flow to its last.

const timeline = (() => {
  const frame = document.getElementById("time-frame");
  const [start, end] = report.window;
  const MOST = 24;
  const ROW = 15;
  const AREA = 78;
  const STEPS = report.parts || 180;
  const canvas = element("div", {});
  const note = element("p", { class: "legend" },
    report.parts ? "On top: the number of flows by start time. " : "On top: how many groups of flows are between their first and last flow. ",
    report.parts ? "Below, each mark is a time with flows of a group. " : "Below, the dots are the first and last flow of a group. ",
    "Bars show when a proxy ran; an open red bar is time that its log doesn't show.");
  frame.append(note, canvas);

  const x = (at, left, width) => left + ((Math.min(Math.max(at, start), end) - start) / Math.max(1, end - start)) * width;

  // `3 min`: the length of a step.
  function length(ms) {
    const units = [[86400e3, "d"], [3600e3, "h"], [60e3, "min"], [1e3, "s"]];
    const [unit, name] = units.find(([each]) => ms >= each) ?? [1, "ms"];
    return `${Math.round((ms / unit) * 10) / 10} ${name}`;
  }

  function axis(left, width, height) {
    const ticks = d3.utcTicks(new Date(start), new Date(end), Math.max(2, Math.floor(width / 110)));
    const days = (end - start) / 86400e3;
    const [from, to] = days > 300 ? [0, 10] : days > 10 ? [5, 10] : days > 1 ? [5, 16] : [11, 16];
    const label = (at) => at.toISOString().slice(from, to).replace("T", " ");
    return ticks.flatMap((at) => [
      shape("line", { class: "frame-line", x1: x(at, left, width), x2: x(at, left, width), y1: 18, y2: height }),
      shape("text", { class: "soft", x: x(at, left, width), y: 12, "text-anchor": x(at, left, width) > left + width - 20 ? "end" : "middle" }, label(at)),
    ]);
  }

  // How many groups of each state are between their first and last flow at each step.
  function groupCounts(flows) {
    const step = (end - start) / STEPS || 1;
    const at = (time) => Math.min(STEPS - 1, Math.max(0, Math.floor((time - start) / step)));
    const found = Object.fromEntries(STATES.map((state) => [state, new Array(STEPS + 1).fill(0)]));
    for (const flow of flows) {
      found[flow.state][at(flow.first)] += 1;
      found[flow.state][at(flow.last) + 1] -= 1;
    }
    for (const row of Object.values(found)) for (let n = 1; n <= STEPS; n += 1) row[n] += row[n - 1];
    return found;
  }

  // How many flows of each state began in each step, where the audit counted it.
  function flowCounts(flows) {
    const found = Object.fromEntries(STATES.map((state) => [state, new Array(STEPS).fill(0)]));
    for (const { state, spread } of flows) {
      for (let n = 0; n < spread.length; n += 2) found[state][spread[n]] += spread[n + 1];
    }
    return found;
  }

  // The counts as areas over each other, by a scale of their own: violations are few, and must not be lost among what passed.
  function area(found, states, title, left, width, top, tall) {
    const sums = Array.from({ length: STEPS }, (_, n) => states.reduce((sum, state) => sum + found[state][n], 0));
    const most = Math.max(0, ...sums);
    if (!most) return [];
    const base = new Array(STEPS).fill(0);
    const y = (value) => top + tall - (value / most) * tall;
    const parts = states.map((state) => {
      const below = [...base];
      found[state].slice(0, STEPS).forEach((count, n) => { base[n] += count; });
      const points = Array.from({ length: STEPS }, (_, n) => ({ n, low: y(below[n]), high: y(base[n]) }));
      const path = d3.area().curve(d3.curveStep).x((point) => left + ((point.n + 0.5) / STEPS) * width).y0((point) => point.low).y1((point) => point.high);
      return shape("path", { class: `area-part is-${state}`, d: path(points) });
    });
    const highest = report.parts ? `at most ${figure(most)} in ${length((end - start) / STEPS)}` : `at most ${counted(most, "group")}`;
    const words = left > 100
      ? [shape("text", { x: left - 6, y: top + 10, "text-anchor": "end" }, title), shape("text", { class: "soft", x: left - 6, y: top + 25, "text-anchor": "end" }, highest)]
      : [shape("text", { x: left, y: top - 4 }, title, shape("tspan", { class: "soft" }, `, ${highest}`))];
    return [...parts, ...words, shape("line", { class: "frame-line", x1: left, x2: left + width, y1: top + tall, y2: top + tall })];
  }

  function rowLabel(text, left, y, inside) {
    return inside
      ? shape("text", { x: 2, y: y - 2 }, shortened(text, 48))
      : shape("text", { x: left - 6, y: y + 10, "text-anchor": "end" }, shortened(text, Math.floor(left / 7.2)));
  }

  function withTip(made, lines) {
    made.addEventListener("mousemove", (event) => tip.show(lines, event.clientX, event.clientY));
    made.addEventListener("mouseleave", tip.hide);
    return made;
  }

  function flowRow(flow, left, width, y) {
    const [from, to] = [x(flow.first, left, width), x(flow.last, left, width)];
    const lines = [`${flow.subject} → ${flow.place}`, `${STATE_WORDS[flow.state]}: ${counted(flow.flows, "flow")}, ${[flow.path, ...flow.via].join(" ")}`,
      `${moment(flow.first)} to ${moment(flow.last)}`];
    const dot = (cx) => shape("circle", { class: `span is-${flow.state}`, cx, cy: y + 6, r: 3.6 });
    const line = shape("line", { class: `between is-${flow.state}`, x1: from, x2: to, y1: y + 6, y2: y + 6 });
    const step = width / STEPS;
    const seen = [];
    for (let n = 0; n < flow.spread.length; n += 2) {
      seen.push(shape("rect", { class: `span is-${flow.state}`, x: left + flow.spread[n] * step, y: y + 2.5, width: Math.max(1.5, step - 1), height: 7 }));
    }
    const area = shape("rect", { class: "area", x: from - 5, y, width: to - from + 10, height: 12 });
    return withTip(shape("g", {}, line, seen.length ? seen : [dot(from), dot(to)], area), lines);
  }

  function logRow(log, left, width, y) {
    const ran = log.ran.length || log.first === null ? log.ran : [[log.first, log.last]];
    const missing = log.missing.length || log.read || log.ran.length ? log.missing : [[start, end]];
    const lines = [log.name, `${log.proxy}: ${log.state}`, ...log.problems.slice(0, 3)];
    const bar = ([from, to], kind) => shape("rect", { class: kind, x: x(from, left, width), y: y + 2.5,
      width: Math.max(1.5, x(to, left, width) - x(from, left, width)), height: 7, ...(kind === "missing" ? { fill: "var(--surface)" } : {}) });
    return withTip(shape("g", {}, ran.map((span) => bar(span, "ran")), missing.map((span) => bar(span, "missing"))), lines);
  }

  // Of each side its rows, the most severe first, and how many more there are.
  function rowsOf(flows) {
    const wrong = flows.filter((flow) => flow.state === "fail" || flow.state === "unproven")
      .sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state) || a.first - b.first || a.number - b.number);
    const logs = report.logs.filter((log) => log.troubled)
      .sort((a, b) => b.critical - a.critical || b.missing.length - a.missing.length || (a.name < b.name ? -1 : 1));
    const part = (heading, rows, label, row, more) => ({ heading, rows: rows.slice(0, MOST), rest: rows.length - MOST, label, row, more });
    return [
      part("Violations, and not proven", wrong, (flow) => `${flow.subject.replace(/^([^/]*)\/[A-Z]\w*\//, "$1/")} → ${flow.host}`, flowRow, "in the table of flows"),
      part("Logs with problems", logs, (log) => log.name.replace(/\/istio-proxy$/, ""), logRow, "in the table of logs"),
    ].filter((each) => each.rows.length);
  }

  function draw() {
    const flows = flowFilter.flows();
    const full = Math.max(300, Math.floor(canvas.clientWidth || 900));
    const narrow = full < 640;
    const left = narrow ? 6 : full > 1000 ? 300 : 250;
    const width = full - left - 12;
    const drawn = [];
    let y = 24;
    const found = report.parts ? flowCounts(flows) : groupCounts(flows);
    const what = report.parts ? "Flows" : "Groups of flows";
    for (const [states, title, tall] of [[STATES, what, AREA], [STATES.slice(0, 2), `${what}, wrong or unproven`, AREA / 2]]) {
      const made = area(found, states, title, left, width, y + (narrow ? 14 : 0), tall);
      drawn.push(...made);
      if (made.length) y += tall + (narrow ? 26 : 14);
    }
    for (const part of rowsOf(flows)) {
      y += 12;
      drawn.push(shape("text", { class: "head", x: narrow ? 2 : left, y: y + 6 }, `${part.heading}${part.rest > 0 ? ` (${figure(part.rest)} more ${narrow ? "" : part.more})`.replace(" )", ")") : ""}`));
      y += narrow ? 28 : 14;
      for (const each of part.rows) {
        drawn.push(rowLabel(part.label(each), left, y, narrow), part.row(each, left, width, y));
        y += narrow ? ROW * 2 : ROW;
      }
    }
    const height = y + 8;
    const drawing = shape("svg", { width: full, height, viewBox: `0 0 ${full} ${height}`, role: "img",
      "aria-label": `Time from ${moment(start)} to ${moment(end)}: spans of flows and of logs. The tables of flows and logs have the same times.` });
    drawing.append(...axis(left, width, height), ...drawn);
    canvas.replaceChildren(drawing);
  }
  return { draw };
})();

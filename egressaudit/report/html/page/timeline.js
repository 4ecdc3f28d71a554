"use strict";
// When flows were seen, and what the logs cover, on one axis. A report has the first and the last flow of each group
// and how many there are, and nothing of when the others were: so spans are drawn, and no traffic over time.

const timeline = (() => {
  const frame = document.getElementById("time-frame");
  const [start, end] = report.window;
  const MOST = 24;
  const ROW = 15;
  const AREA = 78;
  const STEPS = 180;
  const canvas = element("div", {});
  const note = element("p", { class: "legend" },
    "On top: how many groups of flows are between their first flow and their last. Below, dots are the first and the last flow of a group; ",
    "when the others were isn't in a report. Bars are when a proxy ran; an open red one is time that its log doesn't show.");
  frame.append(note, canvas);

  const x = (at, left, width) => left + ((Math.min(Math.max(at, start), end) - start) / Math.max(1, end - start)) * width;

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
  function counts(flows) {
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

  function area(flows, left, width, top) {
    const found = counts(flows);
    const sums = Array.from({ length: STEPS }, (_, n) => STATES.reduce((sum, state) => sum + found[state][n], 0));
    const most = Math.max(1, ...sums);
    const base = new Array(STEPS).fill(0);
    const parts = STATES.map((state) => {
      const below = [...base];
      found[state].slice(0, STEPS).forEach((count, n) => { base[n] += count; });
      const y = (value) => top + AREA - (value / most) * AREA;
      const points = Array.from({ length: STEPS }, (_, n) => ({ n, low: y(below[n]), high: y(base[n]) }));
      const path = d3.area().curve(d3.curveStep).x((point) => left + ((point.n + 0.5) / STEPS) * width).y0((point) => point.low).y1((point) => point.high);
      return shape("path", { class: `area-part is-${state}`, d: path(points) });
    });
    return [
      ...parts,
      left > 100
        ? shape("text", { class: "soft", x: left - 6, y: top + 10, "text-anchor": "end" }, counted(most, "group"))
        : shape("text", { x: left + 4, y: top + AREA - 6 }, `at most ${counted(most, "group")}`),
      shape("line", { class: "frame-line", x1: left, x2: left + width, y1: top + AREA, y2: top + AREA }),
    ];
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
    const area = shape("rect", { class: "area", x: from - 5, y, width: to - from + 10, height: 12 });
    return withTip(shape("g", {}, line, dot(from), dot(to), area), lines);
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
    drawn.push(...area(flows, left, width, y));
    y += AREA + 14;
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

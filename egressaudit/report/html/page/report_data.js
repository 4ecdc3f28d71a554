"use strict";
// The page's data as objects. In: the JSON block. Out: `report.flows`, `report.findings`, `report.logs`, `report.spots`;
// e.g. `report.flows[0].host` is "docs.example.com". Numbers of `texts` become texts here and nowhere else.

const STATES = ["fail", "unproven", "waived", "none", "pass"]; // the most severe first
const STATE_WORDS = {
  fail: "FAIL", unproven: "INCONCLUSIVE", pass: "PASS", none: "not judged", waived: "FAIL waived",
};
const SEVERITIES = ["critical", "high", "medium", "low", "info"];

const report = (() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const texts = data.texts;
  const named = (columns, row) => Object.fromEntries(columns.map((name, n) => [name, row[n]]));
  const text = (row, ...names) => names.forEach((name) => { row[name] = texts[row[name]]; });
  const list = (row, ...names) => names.forEach((name) => { row[name] = row[name].map((n) => texts[n]); });

  function chain(found) {
    if (!found) return null;
    const mark = ([letter, column, value, says, start, end]) =>
      ({ letter, column: texts[column], value: texts[value], says: texts[says], start, end });
    const hop = (row) => ({
      title: texts[row.title], link: texts[row.link], raw: row.raw, marks: row.marks.map(mark),
      fate: texts[row.fate], follows: texts[row.follows],
    });
    const other = (row) => ({ place: texts[row.place], role: texts[row.role], raw: row.raw });
    return { hops: found.hops.map(hop), others: found.others.map(other) };
  }

  const flows = data.flows.map((row, number) => {
    const flow = named(data.flow_columns, row);
    text(flow, "namespace", "workload", "host", "place", "path", "reason", "because", "expected", "rule", "proof");
    list(flow, "controls", "via", "names", "reached", "gaps", "causes");
    flow.number = number;
    flow.subject = flow.workload ? `${flow.namespace}/${flow.workload}` : "(unknown)";
    return flow;
  });
  const findings = data.findings.map((row, number) => {
    const finding = named(data.finding_columns, row);
    text(finding, "code", "subject", "message", "waived");
    list(finding, "advice");
    finding.facts = finding.facts.map(([label, sentence]) => [texts[label], texts[sentence]]);
    finding.number = number;
    return finding;
  });
  const logs = data.logs.map((row) => {
    const log = named(data.log_columns, row);
    text(log, "name", "proxy", "state");
    list(log, "problems");
    return log;
  });
  const spots = data.spots.map((row) => {
    const spot = named(data.spot_columns, row);
    text(spot, ...data.spot_columns);
    return spot;
  });
  // Chains are the largest part, and few are looked at: each is made when it is opened.
  return { window: data.window, flows, findings, logs, spots, chain, parts: data.parts, withoutLines: data.without_lines };
})();

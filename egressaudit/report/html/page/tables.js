"use strict";
// The tables of all flows, logs and blind spots. The filter of the picture is that of the flows too.

const pageTables = (() => {
  function flowTable() {
    const made = dataTable({
      caption: "Flows, grouped by workload, host and way",
      columns: [
        { name: "Outcome", value: (flow) => STATES.indexOf(flow.state), cell: (flow) => stateCell(flow.state), state: (flow) => flow.state },
        { name: "From", kind: "name", value: (flow) => flow.subject, cell: (flow) => nameCell(flow.subject) },
        { name: "To", kind: "name", value: (flow) => flow.place, cell: (flow) => nameCell(flow.place) },
        { name: "Way", kind: "name", value: (flow) => [flow.path, ...flow.via].join(" "), cell: (flow) => wayCell(flow) },
        { name: "Flows", figure: true, value: (flow) => flow.flows, cell: (flow) => figure(flow.flows) },
        { name: "First", kind: "when", value: (flow) => flow.first, cell: (flow) => shortMoment(flow.first) },
        { name: "Last", kind: "when", value: (flow) => flow.last, cell: (flow) => shortMoment(flow.last) },
        { name: "Rule", value: (flow) => flow.rule },
      ],
      sort: ["Outcome", false],
      inside: { label: (flow) => `${flow.subject} to ${flow.place}`, show: flowInside },
    });
    document.getElementById("flow-table").append(made);
    return made;
  }

  const wayCell = (flow) => element("span", {}, flow.path, flow.via.map((via) => element("span", { class: "soft" }, " ", nameCell(via))));

  function flowInside(flow) {
    const pairs = [["Why", flow.because], ["Expected", flow.expected], ["Rule", [flow.rule, ...flow.controls].join(", ")], ["Proof", flow.proof], ["In a word", flow.reason],
      ["Reached", flow.reached.join(", ")], ["Names it gave", flow.names.join(", ")],
      ...flow.causes.map((cause) => ["Cause", cause]), ...flow.gaps.map((gap) => ["Gap", gap])];
    const lines = rawLines.show(flow.chain);
    const none = report.withoutLines && !flow.chain ? "This page has no room for the lines of every group: -o json has them." : "No line is shown for this group.";
    return [findingBlocks.facts(pairs.filter(([, words]) => words)), ...(lines.length ? lines : [element("p", { class: "hint" }, none)])];
  }

  function logTable() {
    const made = dataTable({
      caption: "Logs, those with problems first (lines that are not clean or could not be parsed can't be used)",
      columns: [
        { name: "Log", kind: "name", value: (log) => log.name, cell: (log) => nameCell(log.name) },
        { name: "Proxy", value: (log) => log.proxy },
        { name: "Covered", value: (log) => log.state, cell: covered },
        { name: "Lines", figure: true, value: (log) => log.read, cell: (log) => figure(log.read) },
        { name: "Not usable", figure: true, value: (log) => log.unclear, cell: (log) => figure(log.unclear) },
        { name: "First line", kind: "when", value: (log) => log.first ?? 0, cell: (log) => shortMoment(log.first) },
        { name: "Last line", kind: "when", value: (log) => log.last ?? 0, cell: (log) => shortMoment(log.last) },
        { name: "Problems", kind: "wide", value: (log) => log.problems.length, cell: (log) => log.problems.join("; ") },
      ],
      size: 25,
    });
    document.getElementById("log-table").append(made);
    made.show([...report.logs].sort((a, b) => b.troubled - a.troubled || b.critical - a.critical || (a.name < b.name ? -1 : 1)));
  }

  function covered(log) {
    const state = log.missing.length || (!log.read && log.ran.length) || /NOT READ/.test(log.state) ? "fail" : log.unclear || log.problems.length ? "unproven" : "";
    return element("span", { class: state && `is-${state}` }, state ? element("span", { class: "sign", "aria-hidden": "true" }) : null, log.state);
  }

  function spotTable() {
    const place = document.getElementById("spot-table");
    if (!report.spots.length) {
      place.append(element("p", {}, "None known."));
      return;
    }
    const made = dataTable({
      caption: "Traffic and proxies that no log shows",
      columns: ["kind", "subject", "workload", "why"].map((name) => ({ name: name[0].toUpperCase() + name.slice(1), kind: name === "why" ? "wide" : name === "kind" ? null : "name", value: (spot) => spot[name] })),
      size: 25,
    });
    place.append(made);
    made.show(report.spots);
  }

  function start() {
    const flows = flowTable();
    const draw = () => flows.show(flowFilter.flows());
    flowFilter.onChange(draw);
    draw();
    logTable();
    spotTable();
  }
  return { start };
})();

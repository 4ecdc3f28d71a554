"use strict";
// Flows as a graph: workloads, then gateways, waypoints or ways around them, then hosts.
// In: flows, and how many names each side may have. Out: { nodes, links, total } for d3-sankey. A link has one state, so
// what went around a gateway never shares a band with what went through it.
//
// Names beyond the number share a node, but only with their like: "12 more in violation", "9 more not proven", "180
// more". So a mesh of thousands stays readable, and no violation disappears among what passed.

const pictureGraph = (() => {
  const TOP = { fail: 0, unproven: 1, waived: 2, none: 3, pass: 4 };
  const WAYS = {
    direct: "directly, no gateway", passthrough: "not in the registry", blocked: "blocked by the mesh",
    failed: "did not arrive", unknown: "way not known", unattributed: "",
  };
  const ENDS = new Set(["blocked", "failed"]);
  const MORE = { fail: "more in violation", unproven: "more not proven", pass: "more" };
  const kindOf = (state) => (state === "fail" || state === "unproven" ? state : "pass");
  const workloadName = (flow) => flow.subject;

  // By name: the flows, and the most severe state among its groups.
  function ranked(flows, nameOf) {
    const found = new Map();
    for (const flow of flows) {
      const name = nameOf(flow);
      const each = found.get(name) ?? { name, flows: 0, rank: TOP.pass };
      each.flows += flow.flows;
      each.rank = Math.min(each.rank, TOP[flow.state]);
      found.set(name, each);
    }
    return [...found.values()];
  }

  // Which names have a node of their own: two thirds of the places for what is wrong, the rest for the largest.
  function chosenNames(flows, nameOf, most) {
    const all = ranked(flows, nameOf).sort((a, b) => b.flows - a.flows || (a.name < b.name ? -1 : 1));
    if (all.length <= most) return { own: new Set(all.map((each) => each.name)), kinds: new Map() };
    const wrong = all.filter((each) => each.rank < TOP.none).sort((a, b) => a.rank - b.rank || b.flows - a.flows);
    const own = new Set(wrong.slice(0, Math.ceil(most * 2 / 3)).map((each) => each.name));
    for (const each of [...all, ...wrong]) if (own.size < most) own.add(each.name);
    const kinds = new Map(all.filter((each) => !own.has(each.name))
      .map((each) => [each.name, kindOf(STATES[each.rank])]));
    return { own, kinds };
  }

  function sideOf(flows, nameOf, side, most) {
    const { own, kinds } = chosenNames(flows, nameOf, most);
    const members = { fail: new Set(), unproven: new Set(), pass: new Set() };
    for (const [name, kind] of kinds) members[kind].add(name);
    return (flow) => {
      const name = nameOf(flow);
      if (own.has(name)) return { id: `${side}:${name}`, side, name, label: name, fits: (each) => nameOf(each) === name };
      const kind = kinds.get(name);
      const label = `${figure(members[kind].size)} ${MORE[kind]}`;
      return { id: `${side}>${kind}`, side, name: label, label, rest: members[kind].size, fits: (each) => members[kind].has(nameOf(each)) };
    };
  }

  const through = (via) =>
    ({ id: `via:${via}`, side: "way", name: via, label: via, fits: (flow) => flow.via.includes(via) });
  const around = (path) => {
    const name = WAYS[path] || path;
    return { id: `path:${path}`, side: ENDS.has(path) ? "end" : "way", name, label: name, fits: (flow) => flow.path === path };
  };

  function stations(flow, workloadOf, hostOf) {
    const way = flow.via.map(through);
    if (WAYS[flow.path]) way.push(around(flow.path));
    else if (!way.length) way.push(around(flow.path));
    return [workloadOf(flow), ...way, ...(ENDS.has(flow.path) ? [] : [hostOf(flow)])];
  }

  function graphOf(flows, most) {
    const workloadOf = sideOf(flows, workloadName, "from", most);
    const hostOf = sideOf(flows, (flow) => flow.host, "to", most);
    const nodes = new Map();
    const links = new Map();
    const add = (node, flow) => {
      const known = nodes.get(node.id) ?? { ...node, flows: 0, groups: 0, rank: TOP.pass, wrong: 0, unproven: 0 };
      known.flows += flow.flows;
      known.groups += 1;
      known.rank = Math.min(known.rank, TOP[flow.state]);
      if (flow.state === "fail") known.wrong += flow.flows;
      if (flow.state === "unproven") known.unproven += flow.flows;
      nodes.set(node.id, known);
      return known.id;
    };
    const cyclic = hasCycle(flows);
    for (const flow of flows) {
      const way = stations(flow, workloadOf, hostOf);
      // Where gateways pass on to each other both ways, each place in the chain has a node of its own.
      if (cyclic) way.forEach((node, n) => { if (node.side === "way") node.id += `#${n}`; });
      const seen = new Set();
      const ids = way.filter((node) => !seen.has(node.id) && seen.add(node.id)).map((node) => add(node, flow));
      for (let n = 1; n < ids.length; n += 1) {
        const key = `${ids[n - 1]}\n${ids[n]}\n${flow.state}`;
        const link = links.get(key) ?? { source: ids[n - 1], target: ids[n], state: flow.state, flows: 0, groups: new Set() };
        link.flows += flow.flows;
        link.groups.add(flow.number);
        links.set(key, link);
      }
    }
    const total = flows.reduce((sum, flow) => sum + flow.flows, 0);
    return { nodes: [...nodes.values()], links: [...links.values()], total };
  }

  // Whether the order of gateways contradicts itself: A before B in one flow, B before A in another.
  function hasCycle(flows) {
    const next = new Map();
    for (const { via } of flows) {
      for (let n = 1; n < via.length; n += 1) next.set(via[n - 1], (next.get(via[n - 1]) ?? new Set()).add(via[n]));
    }
    const done = new Set();
    const open = new Set();
    const visit = (name) => {
      if (open.has(name)) return true;
      if (done.has(name)) return false;
      open.add(name);
      const cycle = [...(next.get(name) ?? [])].some(visit);
      open.delete(name);
      done.add(name);
      return cycle;
    };
    return [...next.keys()].some(visit);
  }
  return { graphOf };
})();

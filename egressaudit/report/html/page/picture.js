"use strict";
// The flows as a picture: d3-sankey lays the graph out, and this draws it. Hovering lights what belongs together,
// a click shows only that; arrow keys and Enter do the same (picture_keys.js), and a table has the same numbers.

const picture = (() => {
  const frame = document.getElementById("picture-frame");
  const BAR = 10;
  const THINNEST = 2.2;
  const ROW = 17;
  const NARROWEST = 660; // on a phone the picture is moved sideways
  let most = 12;

  const hint = element("p", { class: "legend" },
    "The wider a band, the more flows. Strong, solid bands are violations, dashed ones are not proven. ",
    "Choose a name to see only its flows.");
  const names = element("select", { id: "picture-names", onchange: () => { most = Number(names.value); draw(); } },
    [12, 25, 50, 100].map((count) => element("option", { value: count, selected: count === most }, String(count))));
  const canvas = element("div", { class: "sideways", role: "region", "aria-label": "Picture", tabindex: "0" });
  const table = element("div", {});
  const asTable = element("details", { class: "as-table" }, element("summary", {}, "The picture as a table"), table);
  frame.append(element("div", { class: "picture-top" }, hint, element("label", { for: "picture-names" }, "Names on each side ", names)), canvas, asTable);

  const rankState = (node) => STATES.find((state, n) => n === node.rank) ?? "pass";

  // Names stand beside the picture where there is room for them, else on its bands.
  const margin = (width) => (width > 760 ? Math.min(230, Math.floor(width * 0.2)) : 0);

  function laidOut(graph, width) {
    const count = (...sides) => graph.nodes.filter((node) => sides.includes(node.side)).length;
    const rows = Math.max(count("from"), count("way"), count("to", "end"));
    const height = Math.max(200, rows * ROW + 150 + Math.min(500, graph.links.length * THINNEST));
    const room = height - rows * ROW;
    const least = (graph.total * THINNEST) / Math.max(room, 100);
    const order = (a, b) => a.rank - b.rank || (a.rest ? 1 : 0) - (b.rest ? 1 : 0) || b.flows - a.flows || (a.id < b.id ? -1 : 1);
    const ranks = Object.fromEntries(STATES.map((state, n) => [state, n]));
    const layout = d3.sankey()
      .nodeId((node) => node.id).nodeWidth(BAR).nodePadding(ROW - 3)
      .nodeAlign((node, columns) => (node.side === "from" ? 0 : isRight(node) ? columns - 1 : Math.min(node.depth, columns - 1)))
      .nodeSort(order)
      .linkSort((a, b) => ranks[a.state] - ranks[b.state] || a.source.y0 + a.target.y0 - b.source.y0 - b.target.y0)
      .extent([[1 + margin(width), 24], [width - 1 - margin(width), height - 4]]);
    layout({
      nodes: graph.nodes,
      links: graph.links.map((link) => Object.assign(link, { value: Math.max(link.flows, least) })),
    });
    return height;
  }

  function words(node) {
    const said = [`${counted(node.flows, "flow")} in ${counted(node.groups, "group")}`];
    if (node.wrong) said.push(`${counted(node.wrong, "flow")} in violation`);
    if (node.unproven) said.push(`${counted(node.unproven, "flow")} not proven`);
    return said;
  }

  function bandOf(link, lit) {
    const from = `${link.source.name} → ${link.target.name}`;
    const lines = [from, `${STATE_WORDS[link.state]}: ${counted(link.flows, "flow")} in ${counted(link.groups.size, "group")}`];
    const band = shape("path", {
      class: `band is-${link.state}`, d: d3.sankeyLinkHorizontal()(link), "stroke-width": Math.max(THINNEST, link.width),
      onmousemove: (event) => { tip.show(lines, event.clientX, event.clientY); },
      onmouseenter: () => lit((other) => [...other.groups].some((n) => link.groups.has(n))),
      onmouseleave: () => { tip.hide(); lit(null); },
      onclick: () => { tip.hide(); choose(link.source.side === "from" ? link.source : link.target); },
    });
    return band;
  }

  function choose(node) {
    flowFilter.choose(filterKey(node), node.label, node.fits);
  }

  const isRight = (node) => node.side === "to" || node.side === "end";
  const filterKey = (node) => (node.side === "way" ? `way ${node.id}` : isRight(node) ? "to" : node.side);

  // Where a name stands: outside of the picture, or on the bands beside its bar.
  function labelPlace(node, width, columns) {
    const outside = margin(width);
    const right = isRight(node) && columns > 1;
    const left = node.side === "from";
    if (outside && (left || right)) {
      return { x: left ? node.x0 - 6 : node.x1 + 6, anchor: left ? "end" : "start", room: (outside - 8) * 0.9 };
    }
    const room = (width - 2 * outside) / Math.max(columns - (outside ? 1 : 0), 2) - BAR - 10;
    return { x: right ? node.x0 - 6 : node.x1 + 6, anchor: right ? "end" : "start", room };
  }

  // The bar of a name, with as much of each colour as bands of that state touch it.
  function barOf(node) {
    const parts = [shape("rect", { class: "bar", x: node.x0, y: node.y0, width: BAR, height: Math.max(1.5, node.y1 - node.y0) })];
    let y = node.y0;
    for (const state of STATES.slice(0, -2)) {
      const side = (links) => links.filter((link) => link.state === state).reduce((sum, link) => sum + link.width, 0);
      const height = Math.min(Math.max(side(node.sourceLinks), side(node.targetLinks)), node.y1 - y);
      if (height > 0) parts.push(shape("rect", { class: `part is-${state}`, x: node.x0, y, width: BAR, height }));
      y += height;
    }
    return parts;
  }

  function labelOf(node, width, columns) {
    const { x, anchor, room } = labelPlace(node, width, columns);
    const sign = { fail: "✕ ", unproven: "? ", waived: "⊘ " }[rankState(node)] ?? "";
    const number = width > 600 && node.side !== "way" ? ` ${figure(node.flows)}` : "";
    const name = shortened(shortName(node), Math.max(8, Math.floor(room / 6.4) - number.length - sign.length));
    return shape("text", { x, y: (node.y0 + node.y1) / 2, dy: ".35em", "text-anchor": anchor },
      sign ? shape("tspan", { class: "sign-mark" }, sign) : null,
      shape("tspan", { class: "name" }, name), number ? shape("tspan", { class: "soft" }, number) : null);
  }

  function nodeOf(node, width, columns, lit) {
    const { x, anchor, room } = labelPlace(node, width, columns);
    const mine = new Set([...node.sourceLinks, ...node.targetLinks].flatMap((link) => [...link.groups]));
    const what = { from: "Workload", way: "Way", to: "Host", end: "End" }[node.side];
    const light = () => lit((link) => [...link.groups].some((n) => mine.has(n)));
    const middle = (node.y0 + node.y1) / 2;
    const left = anchor === "end" ? x - room : node.x0 - 2;
    const made = shape("g", {
      class: `node is-${rankState(node)}${flowFilter.isChosen(filterKey(node), node.label) ? " chosen" : ""}`,
      role: "button", tabindex: "-1", "aria-label": `${what} ${node.name}: ${words(node).join(", ")}`,
      onclick: () => { tip.hide(); choose(node); },
      onmouseenter: light, onfocus: light,
      onmouseleave: () => { tip.hide(); lit(null); }, onblur: () => lit(null),
      onmousemove: (event) => tip.show([node.name, ...words(node)], event.clientX, event.clientY),
    },
    shape("rect", { class: "area", x: left, y: Math.min(node.y0, middle - 8), width: room + BAR + 8, height: Math.max(16, node.y1 - node.y0), rx: 3 }),
    ...barOf(node), labelOf(node, width, columns));
    made.place = { column: node.layer, row: node.y0 };
    return made;
  }

  // `shop/Deployment/cart` as `shop/cart`: a picture has little room, and the tip and the table have all of it.
  const shortName = (node) => (node.side === "from" && !node.rest ? node.name.replace(/^([^/]*)\/[A-Z]\w*\//, "$1/") : node.name);

  function draw() {
    const flows = flowFilter.flows();
    tip.hide();
    table.replaceChildren();
    asTable.hidden = !flows.length;
    if (!flows.length) {
      canvas.replaceChildren(element("p", { class: "empty" }, report.flows.length ? "No flow matches the filter." : "No flow left the mesh."));
      return;
    }
    const graph = pictureGraph.graphOf(flows, most);
    const width = Math.max(NARROWEST, Math.floor(canvas.clientWidth || 900));
    const height = laidOut(graph, width);
    const columns = 1 + Math.max(...graph.nodes.map((node) => node.layer));
    const title = `${counted(graph.total, "flow")} of ${counted(flows.length, "group")}`;
    const drawing = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group",
      "aria-label": `Picture of ${title}. Arrow keys move from name to name, Enter shows only its flows. The table below has the same numbers.` });
    const lit = (fits) => {
      drawing.classList.toggle("dimmed", fits !== null);
      if (fits === null) return;
      const nodes = new Set();
      links.forEach((band, n) => {
        const on = fits(graph.links[n]);
        band.classList.toggle("lit", on);
        if (on) nodes.add(graph.links[n].source).add(graph.links[n].target);
      });
      nodesDrawn.forEach((made, n) => made.classList.toggle("lit", nodes.has(graph.nodes[n])));
    };
    const links = graph.links.map((link) => bandOf(link, lit));
    const nodesDrawn = graph.nodes.map((node) => nodeOf(node, width, columns, lit));
    // Violations last, so that nothing lies over them.
    const order = graph.links.map((_, n) => n).sort((a, b) => STATES.indexOf(graph.links[b].state) - STATES.indexOf(graph.links[a].state));
    drawing.append(
      ...heads(width),
      ...order.map((n) => links[n]), ...nodesDrawn,
    );
    canvas.replaceChildren(drawing);
    pictureKeys.roam(nodesDrawn);
    table.append(asTableOf(graph));
  }

  function heads(width) {
    const side = margin(width);
    const head = (x, anchor, words) => shape("text", { class: "head", x, y: 12, "text-anchor": anchor }, words);
    return [
      head(side ? side + BAR : 1, side ? "end" : "start", "Workload"), head(width / 2, "middle", "Through"),
      head(side ? width - side - BAR : width - 1, side ? "start" : "end", "Host, or end"),
    ];
  }

  function asTableOf(graph) {
    const made = dataTable({
      caption: "The bands of the picture",
      columns: [
        { name: "State", value: (link) => STATES.indexOf(link.state), cell: (link) => stateCell(link.state), state: (link) => link.state },
        { name: "From", value: (link) => link.source.name },
        { name: "To", value: (link) => link.target.name },
        { name: "Flows", figure: true, value: (link) => link.flows, cell: (link) => figure(link.flows) },
        { name: "Groups", figure: true, value: (link) => link.groups.size },
      ],
      sort: ["State", false],
    });
    made.show(graph.links);
    return made;
  }

  return { draw };
})();

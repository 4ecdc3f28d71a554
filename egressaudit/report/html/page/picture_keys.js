"use strict";
// The picture by keyboard: one stop for Tab, then arrow keys from name to name, Enter or Space to choose.
// In: the nodes that were drawn, each with its `place`. A redrawn picture keeps the focus where it was.

const pictureKeys = (() => {
  let current = null; // the name that has, or had, the focus
  let had = false;

  function roam(nodes) {
    if (!nodes.length) return;
    const ordered = [...nodes].sort((a, b) => a.place.column - b.place.column || a.place.row - b.place.row);
    const first = ordered.find((node) => node.getAttribute("aria-label").split(":")[0] === current) ?? ordered[0];
    ordered.forEach((node) => node.setAttribute("tabindex", node === first ? "0" : "-1"));
    for (const node of ordered) {
      node.addEventListener("focus", () => { current = node.getAttribute("aria-label").split(":")[0]; });
      node.addEventListener("keydown", (event) => pressed(event, node, ordered));
    }
    if (had) {
      had = false;
      first.focus();
    }
  }

  function pressed(event, node, ordered) {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      had = true;
      node.dispatchEvent(new MouseEvent("click", { bubbles: true }));
      return;
    }
    const next = neighbour(event.key, node, ordered);
    if (!next) return;
    event.preventDefault();
    node.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  }

  function neighbour(key, node, ordered) {
    const { column, row } = node.place;
    const inColumn = ordered.filter((each) => each.place.column === column);
    const at = inColumn.indexOf(node);
    if (key === "ArrowDown") return inColumn[at + 1];
    if (key === "ArrowUp") return inColumn[at - 1];
    if (key === "Home") return ordered[0];
    if (key === "End") return ordered.at(-1);
    const way = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!way) return null;
    const columns = [...new Set(ordered.map((each) => each.place.column))];
    const beside = columns[columns.indexOf(column) + way];
    const others = ordered.filter((each) => each.place.column === beside);
    return others.sort((a, b) => Math.abs(a.place.row - row) - Math.abs(b.place.row - row))[0];
  }
  return { roam };
})();

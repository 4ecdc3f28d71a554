"use strict";
// A table with sorting and pages. In: columns and rows. Out: an element with `show(rows)`.
// A column has a name, a `value` to sort by, and, where it is shown otherwise, `cell`. Rows with `inside` can be opened.
// A page holds some dozens of rows, so a table of ten thousand is as quick as one of ten.

function dataTable({ caption, columns, inside = null, sort = null, size = 50 }) {
  let rows = [];
  let page = 0;
  let [sorted, down] = sort ?? [null, false];
  let most = size;
  const body = element("tbody");
  const heads = columns.map((column) => element(
    "th", { scope: "col", class: `sorted ${column.figure ? "figure" : ""}` },
    element("button", { type: "button", onclick: () => order(column) }, column.name),
  ));
  const opener = inside ? [element("th", { scope: "col", class: "open" }, element("span", { class: "hint" }, "Lines"))] : [];
  const title = element("caption", {});
  const table = element("table", { class: "cards-table narrow" }, title, element("thead", {}, element("tr", {}, opener, heads)), body);
  const frame = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table);
  const where = element("span", { class: "muted", role: "status" });
  const before = element("button", { type: "button", onclick: () => turn(-1) }, "Previous");
  const after = element("button", { type: "button", onclick: () => turn(1) }, "Next");
  const sizes = element(
    "select", { onchange: () => { most = Number(sizes.value); page = 0; draw(); } },
    [size, 200, 1000].map((count) => element("option", { value: count }, String(count))),
  );
  const pager = element("div", { class: "pager" }, where, element("label", {}, "Rows ", sizes), before, after);

  function order(column) {
    down = sorted === column.name ? !down : Boolean(column.figure);
    sorted = column.name;
    page = 0;
    arrange();
    draw();
  }
  function arrange() {
    const column = columns.find((each) => each.name === sorted);
    if (!column) return;
    const way = down ? -1 : 1;
    rows = rows.map((row) => [column.value(row), row])
      .sort(([a], [b]) => (a < b ? -way : a > b ? way : 0)).map(([, row]) => row);
  }
  function turn(by) {
    page += by;
    draw();
    frame.focus({ preventScroll: true });
  }

  function rowOf(row) {
    const cells = columns.map((column) => {
      const shown = column.cell ? column.cell(row) : String(column.value(row));
      const kind = [column.figure ? "figure" : "", column.kind ?? ""].join(" ").trim();
      return element("td", { class: column.state ? `state is-${column.state(row)}` : kind || null, "data-label": column.name }, shown);
    });
    const made = element("tr", { class: "row" });
    if (inside) made.append(element("td", { class: "open" }, openButton(row, made)));
    made.append(...cells);
    return made;
  }
  function openButton(row, made) {
    const sign = element("span", { "aria-hidden": "true" }, "▸");
    const button = element("button", { type: "button", "aria-expanded": "false", "aria-label": `Show the proof: ${inside.label(row)}` }, sign, element("span", { class: "only-narrow" }, " Lines"));
    let opened = null;
    button.addEventListener("click", () => {
      if (opened) opened.remove();
      else made.after(opened = element("tr", { class: "inside" }, element("td", { colspan: columns.length + 1 }, inside.show(row))));
      if (!opened.isConnected) opened = null;
      button.setAttribute("aria-expanded", String(opened !== null));
      sign.textContent = opened ? "▾" : "▸";
    });
    return button;
  }

  function draw() {
    const pages = Math.max(1, Math.ceil(rows.length / most));
    page = Math.min(Math.max(page, 0), pages - 1);
    columns.forEach((column, n) => {
      if (column.name === sorted) heads[n].setAttribute("aria-sort", down ? "descending" : "ascending");
      else heads[n].removeAttribute("aria-sort");
    });
    body.replaceChildren(...rows.slice(page * most, (page + 1) * most).map(rowOf));
    const first = rows.length ? page * most + 1 : 0;
    where.textContent = `${figure(first)} to ${figure(Math.min(rows.length, (page + 1) * most))} of ${figure(rows.length)}`;
    title.textContent = `${caption}: ${where.textContent}`;
    before.disabled = page === 0;
    after.disabled = page === pages - 1;
    pager.hidden = rows.length <= size;
  }

  const made = element("div", {}, frame, pager);
  made.show = (found) => { rows = [...found]; page = 0; arrange(); draw(); };
  return made;
}

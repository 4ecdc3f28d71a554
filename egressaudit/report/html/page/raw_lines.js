"use strict";
// The lines that prove something, hop by hop. In: a chain of the data. Out: a list of hops; in each raw line a mark on
// every field that decides, with a letter, and below what it says.

const rawLines = (() => {
  function marked(hop) {
    const line = element("pre", { class: "raw mono", tabindex: "0", "aria-label": `Line of ${hop.title}` });
    let at = 0;
    for (const mark of hop.marks.filter((each) => each.start >= 0)) {
      if (mark.start < at) continue; // a field within another: its note is below all the same
      line.append(hop.raw.slice(at, mark.start), element("sup", { "aria-hidden": "true" }, mark.letter));
      line.append(element("mark", { title: `${mark.column}: ${mark.says}` }, hop.raw.slice(mark.start, mark.end)));
      at = mark.end;
    }
    line.append(hop.raw.slice(at));
    return line;
  }

  function note(hop, mark) {
    const value = mark.start >= 0 ? hop.raw.slice(mark.start, mark.end) : mark.value;
    const words = [element("b", {}, mark.column), " ", element("code", {}, shortened(value, 200)), `: ${mark.says}`];
    return element("li", {}, element("b", {}, mark.letter), element("span", {}, words));
  }

  function hopItem(hop, number) {
    return element(
      "li", { class: "hop" },
      element("h5", {}, `${number}. ${hop.title}`),
      hop.link ? element("p", { class: "link" }, hop.link) : null,
      marked(hop),
      hop.marks.length ? element("ul", { class: "notes" }, hop.marks.map((mark) => note(hop, mark))) : null,
      element("p", { class: "follows" }, `→ ${hop.fate ? `${hop.fate}: ` : ""}${hop.follows}`),
    );
  }

  function otherLines(others, title) {
    return element(
      "details", { class: "as-table" },
      element("summary", {}, title),
      others.map((line) => element(
        "div", {},
        element("p", { class: "link hint" }, `${line.place}${line.role ? ` (${line.role})` : ""}`),
        element("pre", { class: "raw mono", tabindex: "0", "aria-label": `Line ${line.place}` }, line.raw),
      )),
    );
  }

  // Elements for a chain; `total` is how many lines prove it, as far as that is known.
  function show(found, total = 0) {
    const chain = report.chain(found);
    if (!chain) return [];
    const shown = [];
    if (chain.hops.length) shown.push(element("ol", { class: "chain" }, chain.hops.map((hop, n) => hopItem(hop, n + 1))));
    if (chain.others.length) {
      const what = chain.hops.length ? "more" : "";
      const all = total > chain.hops.length + chain.others.length ? `, of ${figure(total)}` : "";
      shown.push(otherLines(chain.others, `${counted(chain.others.length, `${what} line`.trim())}${all}`));
    }
    return shown;
  }
  return { show };
})();

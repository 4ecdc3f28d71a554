"use strict";
// The blocks of findings that the page came with: each is filled when it is opened, and all can be searched.
// `#f-` and a finding's id in the address opens that finding.

const findingBlocks = (() => {
  const MOST = 25;
  const MOST_BLOCKS = 10;
  const blocks = [...document.querySelectorAll("details.block")].map((made) => ({
    made, number: made.querySelector(".number"), list: made.querySelector(".members"),
    severity: made.dataset.severity,
    members: made.dataset.members.split(" ").filter(Boolean).map((n) => report.findings[Number(n)]),
  }));
  let words = "";
  let severity = "";
  let all = false;
  const searched = report.findings.map((each) =>
    [each.code, each.subject, each.message, each.severity, ...each.facts.flat()].join(" ").toLowerCase());
  const fits = (finding) => words.split(" ").every((word) => !word || searched[finding.number].includes(word));

  function facts(pairs) {
    return element("dl", { class: "facts" }, pairs.map(([label, sentence]) =>
      element("div", {}, element("dt", {}, label), element("dd", {}, sentence))));
  }

  // Another finding: the address opens it.
  const linkTo = (other) => element("a", { href: `#f-${other.id}` }, `${other.code} ${other.subject}`);

  function inside(finding) {
    const flow = finding.flow === null ? null : report.flows[finding.flow];
    const pairs = [...finding.facts, ...finding.advice.map((advice) => ["Advice", advice])];
    if (finding.waived) pairs.unshift(["Waived", finding.waived]);
    for (const [label, numbers] of [["Explained by", finding.explained_by], ["Explains", finding.explains]]) {
      if (numbers.length) pairs.push([label, numbers.flatMap((n, at) => [at ? ", " : "", linkTo(report.findings[n])])]);
    }
    const shown = [facts(pairs)];
    if (finding.yaml) {
      shown.push(element("details", { class: "as-table" }, element("summary", {}, "The manifest of the smallest change"),
        element("pre", { class: "manifest mono", tabindex: "0", "aria-label": "Manifest" }, finding.yaml)));
    }
    const chain = flow ? flow.chain : finding.evidence;
    if (chain) {
      shown.push(element("h4", {}, flow ? "The lines that prove it" : "The lines"), ...rawLines.show(chain, finding.total));
    } else if (finding.total) {
      const count = counted(finding.total, "line proves it", "lines prove it");
      shown.push(element("p", { class: "hint" }, `${count}; -o json has the first of them. There is no room for them on this page.`));
    }
    if (flow) {
      const label = `${flow.subject} → ${flow.place}`;
      shown.push(element("button", { type: "button", class: "more", onclick: () => {
        flowFilter.only(label, flow);
        document.getElementById("picture").scrollIntoView();
      } }, "Show these flows in the picture"));
    }
    return shown;
  }

  function finding(each) {
    const body = element("div", { class: "inside" });
    const made = element("details", { class: "finding", id: `f-${each.id}-${each.number}` },
      element("summary", {}, element("b", {}, each.subject), element("span", {}, each.message)), body);
    made.addEventListener("toggle", () => { if (made.open && !body.hasChildNodes()) body.append(...inside(each)); });
    return made;
  }

  function fill(block) {
    const found = block.members.filter(fits);
    let shown = 0;
    const more = element("button", { type: "button", class: "more", onclick: () => next() });
    function next() {
      more.before(...found.slice(shown, shown + MOST).map(finding));
      shown = Math.min(shown + MOST, found.length);
      more.hidden = shown >= found.length;
      more.textContent = `Show ${Math.min(MOST, found.length - shown)} more of ${found.length - shown}`;
    }
    block.filled = true;
    block.list.replaceChildren(more);
    next();
  }

  function draw() {
    let left = 0;
    let shown = 0;
    for (const block of blocks) {
      const count = block.members.filter(fits).length;
      const wanted = count > 0 && (!severity || block.severity === severity);
      block.made.hidden = !wanted || (!all && shown >= MOST_BLOCKS);
      if (wanted) shown += 1;
      if (wanted && block.made.hidden) left += 1;
      block.number.textContent = figure(count);
      block.filled = false;
      if (block.made.open) fill(block);
    }
    for (const part of document.querySelectorAll(".outcome-part")) {
      part.hidden = [...part.querySelectorAll("details.block")].every((made) => made.hidden);
    }
    document.getElementById("no-findings").hidden = shown > 0 || !blocks.length;
    rest.hidden = left === 0;
    rest.textContent = `Show ${counted(left, "more block")}`;
  }

  const search = element("input", { type: "search", id: "finding-search", "aria-label": "Search findings", placeholder: "workload, host, code, cause …", autocomplete: "off",
    spellcheck: "false", oninput: () => { words = search.value.toLowerCase(); draw(); } });
  const severities = element("select", { id: "finding-severity", onchange: () => { severity = severities.value; draw(); } },
    element("option", { value: "" }, "all"),
    SEVERITIES.filter((name) => blocks.some((block) => block.severity === name)).map((name) => element("option", { value: name }, name)));
  const rest = element("button", { type: "button", class: "more", onclick: () => { all = true; draw(); } });

  function start() {
    for (const block of blocks) block.made.addEventListener("toggle", () => { if (block.made.open && !block.filled) fill(block); });
    if (blocks.length) {
      const tools = document.getElementById("finding-tools");
      tools.append(element("label", { for: "finding-search" }, "Search", search), element("label", { for: "finding-severity" }, "Severity", severities));
      tools.hidden = false;
      document.getElementById("no-findings").after(rest);
    }
    draw();
  }
  // On paper nothing can be opened: the blocks are, each with what it is about.
  function openAll() {
    all = true;
    draw();
    for (const block of blocks) {
      if (!block.made.hidden) block.made.open = true;
      if (block.made.open && !block.filled) fill(block);
    }
  }
  function openNamed() {
    const id = location.hash.match(/^#f-([0-9a-f]{12})/)?.[1];
    const block = id && blocks.find((each) => each.members.some((member) => member.id === id));
    if (!block) return;
    search.value = words = "";
    severities.value = severity = "";
    all = true;
    draw();
    block.made.open = true;
    fill(block);
    while (!block.list.querySelector(`[id^="f-${id}"]`)) block.list.querySelector("button.more").click();
    const made = block.list.querySelector(`[id^="f-${id}"]`);
    made.open = true;
    made.scrollIntoView();
  }
  return { start, openAll, openNamed, facts };
})();

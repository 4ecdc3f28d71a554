"use strict";
// Starts the page: draws what the scripts draw, and draws it again when the filter or the width changes.

{
  const drawings = [picture.draw, timeline.draw];
  findingBlocks.start();
  drawings.forEach((draw) => draw());
  pageTables.start();
  drawings.forEach(flowFilter.onChange);

  let width = innerWidth;
  let waiting = 0;
  addEventListener("resize", () => {
    if (innerWidth === width) return; // a phone's address bar changes the height alone
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(() => drawings.forEach((draw) => draw()), 120);
  });
  addEventListener("beforeprint", findingBlocks.openAll);
  addEventListener("hashchange", findingBlocks.openNamed);
  findingBlocks.openNamed();
  document.documentElement.dataset.ready = "yes"; // for whoever drives a browser
}

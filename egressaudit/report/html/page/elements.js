"use strict";
// Elements and words. In: a name, attributes, children. Out: an element; text is always a text node, never markup.
// `element("b", { class: "x" }, "a<b")` shows `a<b`.

const SVG = "http://www.w3.org/2000/svg";

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}
const element = (name, attributes = {}, ...children) => filled(document.createElement(name), attributes, children);
const shape = (name, attributes = {}, ...children) => filled(document.createElementNS(SVG, name), attributes, children);

// Not the reader's language or zone: the page says the same to everyone, in UTC.
const counted = (number, noun, nouns = `${noun}s`) => `${figure(number)} ${number === 1 ? noun : nouns}`;
const figure = (number) => String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
const moment = (at) => (at === null ? "" : new Date(at).toISOString().replace("T", " ").replace(/\.\d+Z$/, "Z"));
// In a table: the day only where the window has several.
const oneDay = new Date(report.window[0]).toISOString().slice(0, 10) === new Date(report.window[1] - 1).toISOString().slice(0, 10);
const shortMoment = (at) => (at === null ? "" : element("time", { title: moment(at), datetime: new Date(at).toISOString() }, moment(at).slice(oneDay ? 11 : 5, 19)));
const shortened = (text, most) => (text.length > most ? `${text.slice(0, Math.max(1, most - 1))}…` : text);

// A name in parts that are not broken within, as long as they are short: `shop/Deployment/cart` breaks after a slash.
const nameCell = (name) => element("span", {}, name.split(/(?<=\/)/).flatMap((part, n) =>
  [n ? element("wbr") : null, part.length < 28 ? element("span", { class: "whole" }, part) : part]));

const stateCell = (state) =>
  element("span", { class: `is-${state}` }, element("span", { class: "sign", "aria-hidden": "true" }), STATE_WORDS[state]);

const tip = (() => {
  const box = document.getElementById("tip");
  function show(lines, x, y) {
    const [first, ...rest] = lines;
    box.replaceChildren(element("b", {}, first), ...rest.map((line) => element("div", {}, line)));
    box.hidden = false;
    const { width, height } = box.getBoundingClientRect();
    box.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 8))}px`;
    box.style.top = `${y + 18 + height > innerHeight ? Math.max(4, y - height - 12) : y + 18}px`;
  }
  const hide = () => { box.hidden = true; };
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  addEventListener("scroll", hide, { passive: true });
  return { show, hide };
})();

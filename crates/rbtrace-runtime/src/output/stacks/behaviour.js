// What a flame graph does in a browser: shows what the mouse is over, zooms into what is clicked, marks what is searched for.
"use strict";
window.addEventListener("load", () => {
  const svg = document.documentElement;
  const margin = +svg.dataset.margin, letter = +svg.dataset.letter, total = +svg.dataset.total;
  const width = +svg.getAttribute("width") - 2 * margin;
  const frames = [...document.querySelectorAll(".f")].map((group) => ({
    group,
    rect: group.querySelector("rect"),
    label: group.querySelector("text"),
    title: group.querySelector("title").textContent,
    x: +group.dataset.x,
    w: +group.dataset.w,
    d: +group.dataset.d,
  }));
  for (const frame of frames) frame.name = frame.title.slice(0, frame.title.lastIndexOf(" ("));
  const id = (name) => document.getElementById(name);
  const details = id("details"), matched = id("matched"), reset = id("reset"), search = id("search");

  function place(frame, from, span) {
    const left = Math.max(frame.x, from), right = Math.min(frame.x + frame.w, from + span);
    const hidden = right <= left;
    frame.group.classList.toggle("hidden", hidden);
    if (hidden) return;
    const scale = width / span, x = margin + (left - from) * scale, w = (right - left) * scale;
    frame.rect.setAttribute("x", x.toFixed(1));
    frame.rect.setAttribute("width", w.toFixed(1));
    frame.label.setAttribute("x", (x + 3).toFixed(1));
    const room = Math.floor((w - 6) / letter);
    frame.label.textContent = frame.name.length <= room ? frame.name : room < 3 ? "" : frame.name.slice(0, room - 2) + "..";
  }

  function zoom(chosen) {
    for (const frame of frames) {
      place(frame, chosen.x, chosen.w);
      frame.group.classList.toggle("above", frame.d < chosen.d);
    }
    reset.classList.toggle("hidden", chosen.d === 0);
  }

  // What is marked counts once, also where it calls itself.
  function mark(text) {
    let pattern = null;
    try {
      pattern = text ? new RegExp(text) : null;
    } catch (error) {
      matched.textContent = "not a regular expression: " + text;
      return;
    }
    let sum = 0, behind = -1;
    const found = frames.filter((frame) => pattern && pattern.test(frame.name));
    for (const frame of frames) frame.group.classList.toggle("found", found.includes(frame));
    for (const frame of found.sort((a, b) => a.x - b.x || a.d - b.d)) {
      if (frame.x < behind) continue;
      sum += frame.w;
      behind = frame.x + frame.w;
    }
    matched.textContent = pattern ? "matched: " + ((sum * 100) / total).toFixed(1) + " %" : " ";
    search.textContent = pattern ? "Clear search" : "Search";
  }

  function ask() {
    mark(search.textContent === "Search" ? prompt("Names to mark (a regular expression)") : null);
  }

  for (const frame of frames) {
    frame.group.addEventListener("click", () => zoom(frame));
    frame.group.addEventListener("mouseover", () => (details.textContent = frame.title));
    frame.group.addEventListener("mouseout", () => (details.textContent = " "));
  }
  reset.addEventListener("click", () => frames.length && zoom(frames[0]));
  search.addEventListener("click", ask);
  window.addEventListener("keydown", (event) => {
    if (event.key === "F3" || (event.ctrlKey && event.key === "f")) {
      event.preventDefault();
      ask();
    }
  });
});

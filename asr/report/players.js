"use strict";

// Players. Their events don't bubble, so they are caught on the way down.
document.addEventListener(
  "error",
  (event) => {
    if (!(event.target instanceof HTMLAudioElement)) return;
    const problem = document.createElement("p");
    problem.className = "problem";
    problem.setAttribute("role", "alert");
    problem.textContent = `this file isn't here or can't be played: ${event.target.getAttribute("aria-label")}`;
    event.target.replaceWith(problem);
  },
  true,
);
document.addEventListener(
  "play",
  (event) => document.querySelectorAll("audio").forEach((player) => player !== event.target && player.pause()),
  true,
);

// On paper, everything is open.
const closed = () => document.querySelectorAll("details:not([open])");
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = Array.from(closed());
  opened.forEach((each) => (each.open = true));
});
window.addEventListener("afterprint", () => opened.forEach((each) => (each.open = false)));

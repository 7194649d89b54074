// The batch page's keys: j and k go from line to line, space plays, a accepts, r asks for another take, n is a note.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const rows = () => [...document.querySelectorAll("tr[data-line]")];
  const chosen = () => document.querySelector("tr[data-line][aria-current]");
  const choose = row => {
    if (!row) return;
    chosen()?.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
    row.focus({preventScroll: true});
    row.scrollIntoView({block: "nearest"});
  };
  const step = by => { const all = rows(), at = all.indexOf(chosen()); choose(all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + by))]); };
  const play = row => {
    const player = row?.querySelector("audio");
    if (!player) return;
    for (const other of document.querySelectorAll("audio")) if (other !== player) other.pause();
    if (player.paused) player.play().catch(() => {}); else player.pause();
  };
  const actions = {
    j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1), " ": () => play(chosen()),
    a: () => chosen()?.querySelector("button[data-key=a]")?.click(), r: () => chosen()?.querySelector("button[data-key=r]")?.click(),
    n: () => chosen()?.querySelector("input[name=note]")?.focus(),
  };
  document.addEventListener("keydown", event => {
    const focused = document.activeElement;
    if (event.ctrlKey || event.metaKey || event.altKey || focused.matches("input, select, textarea, audio")) return;
    if (event.key === " " && (!chosen() || focused.matches("button, a, summary"))) return;
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });
  document.addEventListener("focusin", event => {
    const row = event.target.closest("tr[data-line]");
    if (row && row !== chosen()) { chosen()?.removeAttribute("aria-current"); row.setAttribute("aria-current", "true"); }
  });
  document.addEventListener("playing", event => {
    const row = event.target.closest("tr[data-line]");
    if (row && row !== chosen()) { chosen()?.removeAttribute("aria-current"); row.setAttribute("aria-current", "true"); }
  }, true);
  // The answer replaces the form: the next key is the line's again.
  document.addEventListener("htmx:afterSwap", () => chosen()?.focus({preventScroll: true}));
  // An answer that is an error replaces nothing.
  for (const name of ["htmx:responseError", "htmx:sendError"]) {
    document.addEventListener(name, event => {
      const said = event.target.closest(".verdict")?.querySelector("[role=alert]");
      if (said) said.hidden = false;
    });
  }
});

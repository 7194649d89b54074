// The listening page's keys: a and b play the takes; 1, 2 and = vote. A vote needs both takes heard.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const players = [...document.querySelectorAll("audio[data-side]")];
  const buttons = [...document.querySelectorAll("button[data-key]")];
  if (players.length !== 2) return;
  const heard = new Set();
  const update = () => buttons.forEach(button => { button.disabled = heard.size < 2; });
  const play = index => {
    players[1 - index].pause();
    players[index].currentTime = 0;
    players[index].play();
  };
  players.forEach((player, index) => {
    player.addEventListener("play", () => { players[1 - index].pause(); });
    player.addEventListener("timeupdate", () => {
      if (player.currentTime > 0) { heard.add(index); update(); }
    });
  });
  document.addEventListener("keydown", event => {
    if (document.activeElement.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "a" || event.key === "b") { event.preventDefault(); play(event.key === "a" ? 0 : 1); return; }
    const button = buttons.find(each => each.dataset.key === event.key);
    if (button && !button.disabled) { event.preventDefault(); button.click(); }
  });
  update();
});

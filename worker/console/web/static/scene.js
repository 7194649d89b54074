// The batch page's scenes: a scene's button plays its lines one after the other, and stops them when it is pressed again.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("button[data-scene]")) {
    const players = [...document.getElementById(button.dataset.scene).querySelectorAll("tr:not(.other) audio")];
    let playing = null;
    const show = index => {
      playing = index;
      button.setAttribute("aria-pressed", String(index !== null));
      players.forEach((player, other) => player.closest("tr").classList.toggle("playing", other === index));
    };
    const play = index => {
      if (index === players.length) { show(null); return; }
      show(index);
      players[index].currentTime = 0;
      // A line that can't be played holds up none of the others.
      players[index].play().catch(() => { if (playing === index) play(index + 1); });
    };
    players.forEach((player, index) => player.addEventListener("ended", () => { if (playing === index) play(index + 1); }));
    button.addEventListener("click", () => {
      if (playing === null) { play(0); return; }
      const stopped = players[playing];
      show(null);
      stopped.pause();
    });
    button.disabled = players.length === 0;
  }
});

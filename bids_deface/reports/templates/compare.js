"use strict";
// A slider and a flicker between two pictures that lie one over the other.
for (const figure of document.querySelectorAll(".comparison")) {
  const over = figure.querySelector(".over");
  const slider = figure.querySelector("input");
  const button = figure.querySelector("button");
  let timer = null;
  const show = (at) => over.style.setProperty("--at", `${at}%`);
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.setAttribute("aria-pressed", "false");
    show(slider.value);
  };
  slider.addEventListener("input", stop);
  button.addEventListener("click", () => {
    if (timer !== null) { stop(); return; }
    let before = false;
    button.setAttribute("aria-pressed", "true");
    // Slow enough for nobody to be harmed by it: less than three changes a second.
    timer = setInterval(() => { before = !before; show(before ? 100 : 0); }, 600);
  });
  show(slider.value);
}

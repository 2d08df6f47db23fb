"use strict";
(() => {
  const { derived, texts } = JSON.parse(document.getElementById("report-data").textContent);

  // A click on a number shows how it comes about.
  const derive = (target) => {
    const number = target.closest("[data-ask]");
    const panel = number && number.closest(".panel");
    const lines = panel && derived.panels[panel.id]?.[number.dataset.ask];
    if (!lines) return false;
    for (const other of panel.querySelectorAll("[data-chosen]")) delete other.dataset.chosen;
    number.dataset.chosen = "";
    const box = panel.querySelector(".derived");
    box.querySelector("b").textContent = number.dataset.ask;
    box.querySelector("pre").textContent = lines.map((line) => derived.lines[line]).join("\n");
    box.hidden = false;
    return true;
  };

  const copy = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) {
      const before = button.textContent;
      await copy(texts[Number(button.dataset.copy)]);
      button.textContent = "copied";
      setTimeout(() => { button.textContent = before; }, 1500);
    } else if (event.target.closest(".derived button")) {
      event.target.closest(".derived").hidden = true;
    } else derive(event.target);
  });
  document.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && event.target.matches?.("[data-ask]") && derive(event.target)) event.preventDefault();
  });
})();

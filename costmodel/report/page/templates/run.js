(() => {
  // A click on a number shows how it comes about.
  const derive = (target) => {
    const number = target.closest?.("[data-ask]");
    const panel = number?.closest(".panel");
    const text = panel && [...panel.querySelectorAll("template")].find(({ dataset }) => dataset.of === number.dataset.ask);
    if (!text) return false;
    for (const other of panel.querySelectorAll("[data-chosen]")) delete other.dataset.chosen;
    number.dataset.chosen = "";
    const box = panel.querySelector(".derived");
    box.querySelector("b").textContent = number.dataset.ask;
    box.querySelector("pre").textContent = text.content.textContent;
    box.hidden = false;
    return true;
  };
  document.addEventListener("click", ({ target }) => {
    if (target.closest(".derived button")) target.closest(".derived").hidden = true;
    else derive(target);
  });
  document.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && derive(event.target)) event.preventDefault();
  });
})();

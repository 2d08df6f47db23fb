(() => {
  // Copying through a selection works without permission, in a page of a file too.
  const copied = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("button[data-copy]");
    if (!button) return;
    const before = button.textContent;
    let done = false;
    try { await navigator.clipboard.writeText(button.dataset.copy); done = true; } catch { done = copied(button.dataset.copy); }
    button.textContent = done ? "Copied" : "Press Ctrl-C";
    setTimeout(() => { button.textContent = before; }, 1500);
  });
})();

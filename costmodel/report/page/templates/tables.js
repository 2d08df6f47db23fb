// Tables are sorted by their headings, and searched where they are long. Their rows come when they are looked at.
report.tables = (data) => {
  const fill = (table) => {
    table.tBodies[0].innerHTML = data.later[table.dataset.later];
    delete table.dataset.later;
    table.dispatchEvent(new CustomEvent("rows", { bubbles: true }));
  };
  for (const table of document.querySelectorAll("table[data-later]")) {
    const folded = table.closest("details:not([open])");
    if (folded) folded.addEventListener("toggle", () => { if (table.dataset.later) fill(table); });
    else fill(table);
  }
  const key = (row, place) => {
    const cell = row.cells[place];
    const text = cell.dataset.key ?? cell.textContent;
    const number = text === "-inf" ? -Infinity : Number(text);
    return text !== "" && !Number.isNaN(number) ? number : text;
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
  const sort = (table, head) => {
    const up = head.getAttribute("aria-sort") === "ascending";
    const rows = [...table.tBodies[0].rows].map((row) => [key(row, head.cellIndex), row]);
    rows.sort((a, b) => (up ? 1 : -1) * compare(a[0], b[0]));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };
  const search = (input) => {
    const table = document.getElementById(input.dataset.searches);
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of table.tBodies[0].rows) {
      const text = row.dataset.names ? `${row.dataset.names}\n${row.textContent.toLowerCase()}` : row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      left += row.hidden ? 0 : 1;
    }
    input.closest("p").querySelector("output").textContent = words.length ? `${left.toLocaleString("en")} of ${table.tBodies[0].rows.length.toLocaleString("en")} rows` : "";
  };
  for (const table of document.querySelectorAll("table.data")) {
    table.tHead.addEventListener("click", (event) => {
      const head = event.target.closest("th[aria-sort]");
      if (!head) return;
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      sort(table, head);
    });
  }
  for (const input of document.querySelectorAll("[data-searches]")) input.addEventListener("input", () => search(input));
  // Rows that were made anew stand where the reader has put the old ones.
  report.resort = (table) => {
    const head = table.querySelector("th[aria-sort=ascending], th[aria-sort=descending]");
    if (head) sort(table, head);
    const input = document.querySelector(`[data-searches="${table.id}"]`);
    if (input?.value) search(input);
  };
};

// The layers of a network: a row for each, or one for those that are the same; and the mapping of the one that is chosen.
report.layers = (data, selection) => {
  const { joules, seconds, percent, digits, exact } = report.units;
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const total = (values) => values.reduce((a, b) => a + b, 0);
  const table = document.querySelector("#t-einsums[data-layers]");
  const merge = document.querySelector("#merge");
  const kinds = [];
  data.layers.forEach((layer, place) => { (kinds[layer.kind] ??= []).push(place); });
  const timed = [...new Set(data.costs.flatMap(({ cycles }) => cycles.map(([component]) => component)))].sort((a, b) => a - b);
  const spent = [...new Set(data.costs.flatMap(({ energy }) => energy.map(([component]) => component)))].sort((a, b) => a - b);

  // What some layers cost together, over all executions.
  const sum = (places) => {
    const parts = places.map((place) => [data.layers[place].count, data.layers[place].points, selection.at(data.layers[place]).cost]);
    const energy = spent.map((c) => [c, total(parts.flatMap(([count, , cost]) => cost.energy.filter(([of]) => of === c).map((row) => row[3] * count)))]);
    const latency = total(parts.map(([count, , cost]) => cost.latency * count));
    const points = total(parts.map(([count, own]) => count * own));
    const needed = total(parts.map(([count, , cost]) => cost.utilisation * cost.latency * count));
    return {
      energy: energy.filter(([, pj]) => pj > 0),
      energy_pj: total(energy.map(([, pj]) => pj)),
      latency,
      points,
      bounds: [...new Set(parts.map(([, , cost]) => cost.bound))],
      busy: timed.map((c) => (latency ? total(parts.map(([count, , cost]) => total(cost.cycles.filter(([of]) => of === c).map(([, cycles]) => cycles)) * count)) / latency : 0)),
      utilisation: latency ? needed / latency : 0,
      room_bits: Math.max(...parts.map(([, , cost]) => cost.room_bits)),
      executions: total(parts.map(([count]) => count)),
    };
  };
  const bytes = (bits) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    if (bits % 8 && bits < 8192) return `${bits} b`;
    let size = bits / 8, place = 0;
    while (size >= 1024 && place < 4) { size /= 1024; place += 1; }
    return `${digits(size)} ${units[place]}`;
  };
  const bar = (pieces) => {
    const whole = make("span", "bar");
    for (const [share, colour, title] of pieces) {
      const piece = make("i");
      piece.style.width = `${(100 * share).toFixed(2)}%`;
      piece.style.background = colour;
      piece.title = title;
      whole.append(piece);
    }
    return whole;
  };
  const cell = (row, name, key, ...content) => {
    const box = make("td", name);
    if (key !== null) box.dataset.key = key;
    box.append(...content);
    row.append(box);
    return box;
  };
  const bold = (text) => make("b", "", text);

  const fill = (row, places, most) => {
    const cost = sum(places);
    const layer = data.layers[places[0]];
    row.replaceChildren();
    const link = make("a", "", layer.name);
    link.href = selection.address("", places[0]);
    const first = cell(row, "", layer.name, link);
    if (places.length > 1 || cost.executions > 1) first.append(" ", make("small", "", `× ${cost.executions.toLocaleString("en")}`));
    if (places.length > 1) first.title = places.map((place) => data.layers[place].name).join(", ").slice(0, 2000);
    const energy = cost.energy.map(([c, pj]) => [pj / most.energy, data.components[c].colour, `${data.components[c].name}: ${joules(pj)}`]);
    cell(row, "", cost.energy_pj, bold(joules(cost.energy_pj)), bar(energy)).title = `${exact(cost.energy_pj)} pJ`;
    const s = cost.latency / data.clock_hz;
    const bound = cost.bounds.map((c) => data.components[c]?.name ?? "").join(", ");
    const time = bar([[cost.latency / most.latency, cost.bounds.length === 1 && cost.bounds[0] >= 0 ? data.components[cost.bounds[0]].colour : "#a9b2be", `${seconds(s)}, bound by ${bound}`]]);
    cell(row, "", cost.latency, bold(seconds(s)), time).title = `${exact(cost.latency)} cycles`;
    cell(row, "wide", null, bound);
    const busy = make("span", "busy");
    cost.busy.forEach((share, n) => {
      const box = make("i");
      box.style.setProperty("--share", share.toFixed(3));
      box.title = `${data.components[timed[n]].name}: busy ${percent(share)} of the time`;
      busy.append(box);
    });
    cell(row, "wide", null, busy);
    cell(row, "wide number", cost.utilisation, percent(cost.utilisation));
    cell(row, "wide number", cost.points, report.units.prefixed(cost.points, "", 1).trim()).title = cost.points.toLocaleString("en");
    cell(row, "wide number", cost.energy_pj / cost.points, digits(cost.energy_pj / cost.points));
    if (data.room) cell(row, "wide number", cost.room_bits, bytes(cost.room_bits)).title = `${cost.room_bits.toLocaleString("en")} bits`;
    if (table.dataset.certified !== undefined) cell(row, "wide", null, layer.certificate);
  };

  const rows = [];
  const build = () => {
    if (!table) return;
    const merged = !merge || merge.checked;
    const sets = merged ? kinds : data.layers.map((_, place) => [place]);
    rows.length = 0;
    for (const places of sets) {
      const row = make("tr");
      row.dataset.names = places.map((place) => data.layers[place].name).join("\n").toLowerCase();
      rows.push([row, places]);
    }
    table.tBodies[0].replaceChildren(...rows.map(([row]) => row));
    update();
    report.resort?.(table);
  };
  const update = () => {
    const sums = rows.map(([, places]) => sum(places));
    const most = { energy: Math.max(...sums.map((s) => s.energy_pj), 1e-30), latency: Math.max(...sums.map((s) => s.latency), 1e-30) };
    for (const [row, places] of rows) {
      fill(row, places, most);
      const mine = places.includes(selection.state.layer);
      row.classList.toggle("chosen", mine);
      row.cells[0].querySelector("a").toggleAttribute("aria-current", mine);
    }
  };
  merge?.addEventListener("change", build);
  table?.tBodies[0].addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    const found = rows.find(([other]) => other === row);
    if (!found || event.target.closest("a")) return;
    selection.layer(found[1].includes(selection.state.layer) ? null : found[1][0]);
  });

  // The mapping of the chosen layer, or of the first.
  const chooser = document.querySelector(".chooser select");
  const panel = document.querySelector(".panel");
  const showPanel = () => {
    if (!panel) return;
    const place = selection.state.layer ?? 0;
    const layer = data.layers[place];
    const { panel: number, choice } = selection.at(layer);
    if (number === null || number === undefined) return;
    if (panel.dataset.shown !== `${number} ${place} ${selection.state.point}`) {
      panel.innerHTML = data.panels[number];
      panel.dataset.shown = `${number} ${place} ${selection.state.point}`;
      const heading = panel.querySelector("h3");
      heading.firstChild.textContent = heading.childNodes.length > 1 ? `${layer.name} ` : layer.name;
      const others = kinds[layer.kind].filter((other) => other !== place);
      if (others.length) panel.querySelector("h3").after(same(layer, others, choice));
      panel.dispatchEvent(new CustomEvent("panel", { bubbles: true }));
    }
    if (chooser) chooser.value = String(place);
  };
  const same = (layer, others, choice) => {
    const line = make("p", "hint same", "The same computation: ");
    const apart = data.layers[others.find((o) => selection.at(data.layers[o]).choice !== choice)];
    for (const place of others) {
      const link = make("a", "", data.layers[place].name);
      link.href = selection.address("", place);
      line.append(link, place === others.at(-1) ? "" : ", ");
    }
    if (apart) line.append(". At this point not all of them use the same mapping.");
    return line;
  };
  chooser?.addEventListener("change", () => selection.layer(Number(chooser.value)));
  for (const button of document.querySelectorAll(".chooser [data-step]")) {
    button.addEventListener("click", () => {
      const count = data.layers.length;
      selection.layer(((selection.state.layer ?? 0) + Number(button.dataset.step) + count) % count);
    });
  }

  // Rows of other tables that name a layer.
  const named = [...document.querySelectorAll("table.data")].filter((other) => other !== table && data.layers.length > 1 && other.tHead.rows[0].cells[0]?.textContent === "einsum");
  const mark = () => {
    const name = selection.state.layer === null ? null : data.layers[selection.state.layer].name;
    for (const other of named) for (const row of other.tBodies[0].rows) row.classList.toggle("chosen", row.cells[0].textContent === name);
  };
  for (const other of named) {
    other.tBodies[0].addEventListener("click", (event) => {
      const name = event.target.closest("tr")?.cells[0].textContent;
      const place = data.layers.findIndex((layer) => layer.name === name);
      if (place >= 0) selection.layer(place === selection.state.layer ? null : place);
    });
  }
  document.addEventListener("rows", mark);
  selection.onChange(() => { update(); showPanel(); mark(); });
  build();
};

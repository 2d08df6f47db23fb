// Fronts: a point is chosen with the mouse or the keyboard; of the whole workload, the page follows.
report.fronts = (data, selection) => {
  const box = document.querySelector("[data-fronts]");
  if (!box) return;
  const plot = box.querySelector(".figure");
  const options = box.querySelector(".explorer-head select");
  const slider = box.querySelector("input[type=range]");
  const title = box.querySelector(".side h3");
  const facts = box.querySelector(".side .facts");
  const which = box.querySelector(".which");
  const picker = which.querySelector("select");
  const nest = box.querySelector(".side .nest");
  const main = box.dataset.fronts;
  let order = [];
  let nests = [];

  const front = () => report.data.fronts[report.data.fronts[options.value].same || options.value];
  const whole = () => options.value === main && data.points.length > 0;
  const pick = () => { if (nests.length) report.showNest(nest, nests[Number(picker.value)][1]); };

  const show = (point) => {
    const { nests: all, facts: told, points } = front();
    const [group, ...numbers] = all[point];
    nests = numbers.map((number, place) => [report.data.names[group][place], number]);
    title.textContent = `Point ${point + 1} of ${points}`;
    facts.replaceChildren(...told[point].map((fact) => Object.assign(document.createElement("span"), { textContent: fact })));
    const layer = selection.state.layer === null ? "" : data.layers[selection.state.layer].name;
    const before = picker.selectedOptions[0]?.textContent ?? "";
    const wanted = nests.some(([name]) => name === layer) ? layer : before;
    picker.replaceChildren(...nests.map(([name], place) => new Option(name, place, false, name === wanted)));
    which.hidden = nests.length < 2;
    nest.hidden = !nests.length;
    pick();
    slider.value = String(order.indexOf(point));
    slider.setAttribute("aria-valuetext", `${title.textContent}: ${told[point].join(", ")}`);
    report.draw(plot, options.value, report.marked(options.value, point));
  };
  const choose = (point) => {
    if (whole()) selection.point(data.shown.indexOf(point));
    else show(point);
  };
  const chosen = () => (whole() ? data.shown[selection.state.point ?? selection.own] ?? front().start : front().start);
  const open = () => {
    // From the fast end to the frugal one, as the line goes.
    const places = new Map(report.figure(options.value).data.flatMap((trace) => (trace.customdata ?? []).map((point, n) => [point, [trace.x[n], -trace.y[n]]])));
    order = [...places.keys()].sort((a, b) => places.get(a)[0] - places.get(b)[0] || places.get(a)[1] - places.get(b)[1]);
    slider.max = String(order.length - 1);
    show(chosen());
  };
  picker.addEventListener("change", pick);
  slider.addEventListener("input", () => choose(order[Number(slider.value)]));
  options.addEventListener("change", open);
  report.onDrawn(plot, () => plot.on("plotly_click", (event) => {
    const point = event.points.find(({ customdata }) => customdata !== undefined);
    if (point) choose(Number(point.customdata));
  }));
  open();
  selection.onChange(() => { if (whole()) show(chosen()); else pick(); });
};

// Everything else that changes with the point: tiles, figures, and what says so.
report.follow = (data, selection) => {
  const tiles = document.querySelector("#totals");
  const ownTiles = tiles?.innerHTML;
  const verdict = document.querySelector(".verdict");
  const ownVerdict = verdict?.textContent;
  const bar = document.querySelector("#chosen");
  const word = bar?.querySelector("output");
  const buttons = bar ? Object.fromEntries([...bar.querySelectorAll("button")].map((button) => [button.dataset.does, button])) : {};
  let before = null;
  const redraw = (state) => {
    const layers = selection.layers();
    const chosen = state.layer === null ? null : data.layers[state.layer].name;
    for (const element of document.querySelectorAll("[data-figure]")) {
      const id = element.dataset.figure;
      const draw = report.charts[id];
      const untouched = state.point === null && (state.layer === null || !["roofline", "energy-icicle"].includes(id));
      if (draw) report.draw(element, id, untouched ? undefined : draw(report.data.figures[id], data, layers, chosen));
    }
  };
  selection.onChange((state) => {
    const now = `${state.point} ${state.layer}`;
    if (now === before || (before === null && now === "null null")) { before = now; return; }
    before = now;
    const [said, numbers] = state.point === null ? [ownVerdict, ownTiles] : data.tiles[state.point];
    if (tiles) tiles.innerHTML = numbers;
    if (verdict) verdict.textContent = said;
    document.documentElement.classList.toggle("elsewhere", state.point !== null);
    redraw(state);
    if (!bar) return;
    const words = [];
    if (state.point !== null) words.push(`Point ${data.shown[state.point] + 1} of ${data.of} of the front`);
    if (state.layer !== null) words.push(data.layers[state.layer].name);
    bar.hidden = !words.length;
    word.textContent = words.join(" · ");
    buttons.point.hidden = state.point === null;
    buttons.layer.hidden = state.layer === null;
  });
  if (bar) {
    buttons.point.addEventListener("click", () => selection.point(-1));
    buttons.layer.addEventListener("click", () => selection.layer(null));
    buttons.link.addEventListener("click", async () => {
      await navigator.clipboard?.writeText(location.href).catch(() => {});
      buttons.link.textContent = "Link copied";
      setTimeout(() => { buttons.link.textContent = "Copy link"; }, 2000);
    });
  }
  // A bar over time chooses its Einsum; the chosen one is marked there.
  const bars = [...document.querySelectorAll(".lane [data-einsum]")];
  for (const bar of bars) bar.addEventListener("click", () => toggle(byName(bar.dataset.einsum)));
  selection.onChange(({ layer }) => { for (const bar of bars) bar.classList.toggle("chosen", layer !== null && bar.dataset.einsum === data.layers[layer].name); });
  // A dot of the roofline and a part of the tree choose their layer.
  const byName = (name) => data.layers.findIndex((layer) => layer.name === name);
  const toggle = (place) => selection.layer(place === selection.state.layer ? null : place);
  const clicks = (id, event, act) => {
    const element = document.getElementById(id);
    if (element) report.onDrawn(element, () => element.on(event, act));
  };
  clicks("roofline", "plotly_click", ({ points }) => { const name = points[0]?.customdata; if (byName(name) >= 0) toggle(byName(name)); });
  clicks("energy-icicle", "plotly_icicleclick", ({ points }) => {
    const path = JSON.parse(points[0]?.id || "[]");
    if (data.layers.length > 1 && path.length === 3 && byName(path[2]) >= 0) { toggle(byName(path[2])); return false; }
    return undefined;
  });
};

(async () => {
  const data = await report.unpack();
  report.tables(data);
  report.figures(data);
  if (data.selection) {
    const selection = report.selection(data.selection);
    report.layers(data.selection, selection);
    report.fronts(data.selection, selection);
    report.follow(data.selection, selection);
    selection.start();
  }
  document.documentElement.dataset.ready = "yes";
})();

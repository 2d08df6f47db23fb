"use strict";
(async () => {
  const data = await report.unpack();
  const byId = (id) => document.getElementById(id);
  if (!byId("scatter")) return;
  const ROWS = 100;
  const columns = Views.columns(data);
  const costed = data.state.map((kind, n) => [["front", "costed"].indexOf(kind), n]).filter(([rank]) => rank >= 0);
  const order = costed.sort((a, b) => b[0] - a[0] || a[1] - b[1]).map(([, n]) => n); // those on the front are drawn last
  const state = {
    order, front: data.state.map((kind) => kind === "front"), chosen: new Uint8Array(data.state.length), open: null, ranges: new Map(),
    across: columns.find((column) => column.name === "latency"), up: columns.find((column) => column.name === "energy"), colour: columns[0],
    shade: (n) => {
      const { colour } = state, value = colour.values[n];
      if (value === null) return "#8a93a3";
      return colour.axis && colour.name === "run" ? Views.apart[value % Views.apart.length] : Views.blend(colour.at(value) * 0.92);
    },
  };
  const scatter = Views.scatter(byId("scatter"), state);
  const parallel = Views.parallel(byId("parallel"), state, columns);
  let sorted = { column: columns.find((column) => column.name === "EDP"), up: true };

  const element = (tag, text, more = {}) => Object.assign(document.createElement(tag), { textContent: text }, more);

  const nest = byId("sweeps").querySelector(".side .nest");
  const picker = byId("sweeps").querySelector(".which select");
  const showNest = () => {
    const [, ...texts] = data.mappings[state.open] || [];
    nest.hidden = !texts.length;
    nest.replaceChildren(...(texts.length ? data.nests[texts[Number(picker.value)]] : []).map((place) => {
      const [depth, kind, text, note] = data.lines[place];
      const line = element("div", "", { className: `line ${kind}` });
      const code = document.createElement("code"), space = text.indexOf(" ");
      code.append("  ".repeat(depth), element("b", space < 0 ? text : text.slice(0, space)), space < 0 ? "" : text.slice(space));
      line.append(code);
      if (note) line.append(element("span", note, { className: "note" }));
      return line;
    }));
  };
  const open = (n) => {
    state.open = n;
    const side = byId("sweeps").querySelector(".side");
    side.querySelector("h3").textContent = `Design ${data.numbers[n]}${state.front[n] ? ", on the front" : ""}`;
    const facts = columns.filter((column) => column.values[n] !== null).map((column) => element("span", column.axis ? `${column.name} = ${column.text(column.values[n])}` : `${column.name} ${column.text(column.values[n])}`));
    if (data.notes[data.note[n]]) facts.push(element("span", data.notes[data.note[n]]));
    const [group, ...texts] = data.mappings[n] || [];
    if (!texts.length) facts.push(element("span", "its mapping is in result.json of the run"));
    side.querySelector(".facts").replaceChildren(...facts);
    const before = picker.selectedOptions.length ? picker.selectedOptions[0].textContent : "";
    picker.replaceChildren(...texts.map((_, place) => new Option(data.names[group][place], place, false, data.names[group][place] === before)));
    picker.parentElement.hidden = texts.length < 2;
    showNest();
    draw();
  };
  picker.addEventListener("change", showNest);

  const heads = byId("designs").tHead, body = byId("designs").tBodies[0];
  const fillTable = () => {
    const { column, up } = sorted;
    const rows = order.filter((n) => state.chosen[n]);
    const key = (n) => (column ? column.values[n] : data.numbers[n]);
    rows.sort((a, b) => (key(a) === null) - (key(b) === null) || (up ? 1 : -1) * (key(a) - key(b)) || a - b);
    const head = document.createElement("tr");
    for (const each of [null, ...columns]) {
      const cell = element("th", "", { scope: "col", className: each && each.axis ? "" : "number" });
      cell.setAttribute("aria-sort", each === column ? (up ? "ascending" : "descending") : "none");
      const button = element("button", each ? each.name : "design", { type: "button" });
      button.addEventListener("click", () => { sorted = { column: each, up: each === column ? !up : true }; fillTable(); });
      cell.append(button);
      head.append(cell);
    }
    heads.replaceChildren(head);
    body.replaceChildren(...rows.slice(0, ROWS).map((n) => {
      const row = document.createElement("tr");
      const first = element("td", "", { className: "number" });
      first.append(element("button", `${state.front[n] ? "* " : ""}${data.numbers[n]}`, { type: "button" }));
      row.append(first, ...columns.map((each) => element("td", each.values[n] === null ? "" : each.text(each.values[n]), { className: each.axis ? "" : "number" })));
      if (n === state.open) row.setAttribute("aria-current", "true");
      row.addEventListener("click", () => open(n));
      return row;
    }));
    byId("more").textContent = rows.length > ROWS ? `${ROWS} of ${rows.length.toLocaleString("en")} rows; * on the front. sweep.csv has all of them.` : "* on the front";
    byId("selected").textContent = `${rows.length.toLocaleString("en")} of ${order.length.toLocaleString("en")} designs selected`;
  };

  const choose = () => {
    const ranges = [...state.ranges];
    for (const n of order) state.chosen[n] = ranges.every(([column, [low, high]]) => { const share = column.at(column.values[n]); return share !== null && share >= low - 1e-9 && share <= high + 1e-9; }) ? 1 : 0;
  };
  let waits = false;
  const draw = () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => { waits = false; scatter.draw(); parallel.draw(); fillTable(); });
  };
  const change = () => { choose(); draw(); fillHeat(); };

  const drag = (canvas, done) => {
    let from = null;
    const at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    canvas.addEventListener("pointerdown", (event) => { from = at(event); });
    addEventListener("pointerup", (event) => {
      if (!from) return;
      const to = at(event), moved = Math.hypot(to[0] - from[0], to[1] - from[1]) > 5;
      done(from, to, moved);
      from = null;
    });
    addEventListener("pointercancel", () => { from = null; });
  };
  drag(byId("scatter"), (from, to, moved) => {
    if (!moved) {
      const n = scatter.near(...to);
      if (n !== null) open(n);
      return;
    }
    for (const [column, shares] of scatter.inside(from, to)) if (shares.length) state.ranges.set(column, [Math.min(...shares), Math.max(...shares)]);
    change();
  });
  drag(byId("parallel"), (from, to, moved) => {
    const column = parallel.axis(from[0]);
    if (moved) state.ranges.set(column, [parallel.share(from[1]), parallel.share(to[1])].sort((a, b) => a - b));
    else state.ranges.delete(column);
    change();
  });
  byId("clear").addEventListener("click", () => { state.ranges.clear(); change(); });

  const pick = (id, from, chosen, take) => {
    byId(id).replaceChildren(...from.map((column, place) => new Option(column.name, place, false, column === chosen)));
    byId(id).addEventListener("change", () => take(from[Number(byId(id).value)]));
  };
  pick("across", columns, state.across, (column) => { state.across = column; draw(); });
  pick("up", columns, state.up, (column) => { state.up = column; draw(); });
  pick("colour", columns, state.colour, (column) => { state.colour = column; draw(); });

  const axes = columns.filter((column) => column.axis), costs = columns.filter((column) => !column.axis);
  const heat = { across: axes[0], down: axes[1], cost: costs.find((column) => column.name === "EDP") };
  function fillHeat() {
    if (!byId("heat-map")) return;
    const { across, down, cost } = heat, best = new Map(), more = ["TOPS/W", "TOPS/mm²", "utilisation"].includes(cost.name);
    for (const n of order) {
      if (!state.chosen[n] || cost.values[n] === null) continue;
      const key = down.values[n] * across.labels.length + across.values[n], known = best.get(key);
      if (known === undefined || (more ? cost.values[n] > known[0] : cost.values[n] < known[0])) best.set(key, [cost.values[n], n]);
    }
    const head = document.createElement("tr");
    head.append(element("th", `${down.name} ↓  ${across.name} →`, { className: "plain" }), ...across.labels.map((label) => element("th", label, { className: "plain number" })));
    byId("heat-map").tHead.replaceChildren(head);
    let low = 1, high = 0;
    for (const [value] of best.values()) { low = Math.min(low, cost.at(value)); high = Math.max(high, cost.at(value)); }
    byId("heat-map").tBodies[0].replaceChildren(...down.labels.map((label, row) => {
      const line = document.createElement("tr");
      line.append(element("th", label, { className: "plain", scope: "row" }), ...across.labels.map((_, place) => {
        const found = best.get(row * across.labels.length + place);
        if (!found) return element("td", "");
        const share = high > low ? (cost.at(found[0]) - low) / (high - low) : 0;
        const cell = element("td", cost.text(found[0]), { title: `design ${data.numbers[found[1]]}` });
        cell.style.background = Views.blend(0.45 + 0.55 * (more ? share : 1 - share));
        cell.addEventListener("click", () => open(found[1]));
        return cell;
      }));
      return line;
    }));
  }
  if (byId("heat-map")) {
    for (const [id, from, key] of [["heat-across", axes, "across"], ["heat-down", axes, "down"], ["heat-cost", costs, "cost"]]) pick(id, from, heat[key], (column) => { heat[key] = column; fillHeat(); });
  }

  const grow = () => Views.paint(byId("growth"), (pen, width, height, ink) => {
    const most = Math.max(1, ...data.history.flatMap(({ points }) => points.map(([n]) => n)));
    const x = (n) => 44 + (n / most) * (width - 60), y = (share) => 8 + (1 - share) * (height - 34);
    pen.fillStyle = ink("quiet");
    pen.strokeStyle = ink("line");
    for (const share of [0, 0.5, 1]) { pen.strokeRect(44, y(share), width - 60, 0); pen.fillText(String(share), 8, y(share) + 4); }
    pen.textAlign = "right";
    pen.fillText(`${most.toLocaleString("en")} designs`, width - 16, height - 8);
    data.history.forEach(({ points }, place) => {
      pen.strokeStyle = Views.apart[place % Views.apart.length];
      pen.lineWidth = 2;
      pen.beginPath();
      points.forEach(([n, share], at) => { if (at) pen.lineTo(x(n), y(points[at - 1][1])); pen[at ? "lineTo" : "moveTo"](x(n), y(share)); });
      pen.stroke();
    });
  });
  byId("growth-names").replaceChildren(...data.history.map(({ name, points }, place) => {
    const item = document.createElement("span"), mark = document.createElement("i");
    mark.style.background = Views.apart[place % Views.apart.length];
    item.append(mark, points.length ? `${name}: ${points.at(-1)[1]} after ${points.at(-1)[0].toLocaleString("en")} designs` : `${name}: no one volume, for designs compute different things`);
    return item;
  }));

  const all = () => { draw(); grow(); };
  addEventListener("resize", all);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  choose();
  scatter.draw();
  const best = order.filter((n) => state.front[n]);
  open(best.length ? best[0] : order[0]);
  grow();
  fillHeat();
})().then(() => { document.documentElement.dataset.ready = "yes"; });

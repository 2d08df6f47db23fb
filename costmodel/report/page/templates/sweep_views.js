// Columns of designs, how their values are shown, and two views of them on canvases. Both draw what `chosen` says.
const Views = (() => {
  const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  const apart = ["#2f5d8a", "#d1495b", "#3d9970", "#e07a3f", "#8d6fd1", "#8a93a3"];
  const blend = (share) => {
    const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2);
    return `rgb(${stops[low].map((value, n) => Math.round(value + (stops[low + 1][n] - value) * (at - low)))})`;
  };
  const prefixes = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"], [1e-15, "f"], [1e-18, "a"]];
  const show = (value, unit) => {
    if (value === null) return "";
    const digits = (number) => String(Number(number.toPrecision(3)));
    if (!value || !["J", "s", "J·s", "W", "b"].includes(unit)) return `${digits(value)}${unit === "%" ? " %" : unit}`;
    const [scale, prefix] = prefixes.find(([least]) => Math.abs(value) >= least) || prefixes.at(-1);
    return `${digits(value / scale)} ${prefix}${unit}`;
  };

  // A column knows where a value stands, from 0 to 1: axes by place, costs by size, over more than a decade by ratio.
  const columns = (data) => [
    ...data.axes.map((axis) => ({
      name: axis.name, axis: true, labels: axis.labels, values: axis.places,
      at: (place) => (axis.labels.length > 1 ? place / (axis.labels.length - 1) : 0.5),
      ticks: axis.labels.length <= 12 ? axis.labels.map((label, place) => [place, label]) : [[0, axis.labels[0]], [axis.labels.length - 1, axis.labels.at(-1)]],
      text: (place) => axis.labels[place],
    })),
    ...data.costs.map((cost) => {
      const known = cost.values.filter((value) => value !== null);
      let low = Infinity, high = -Infinity;
      for (const value of known) { if (value < low) low = value; if (value > high) high = value; }
      const ratio = low > 0 && high / low > 10;
      const scale = ratio ? Math.log : Number;
      const [from, to] = [scale(low), scale(high)];
      const at = (value) => (value === null ? null : to > from ? (scale(value) - from) / (to - from) : 0.5);
      const back = (share) => (ratio ? Math.exp(from + share * (to - from)) : from + share * (to - from));
      const shares = to > from ? [0, 0.25, 0.5, 0.75, 1] : [0.5];
      return { name: cost.name, values: cost.values, at, ticks: shares.map((share) => [back(share), show(back(share), cost.unit)]), text: (value) => show(value, cost.unit) };
    }),
  ];

  const paint = (canvas, draw) => {
    const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const style = getComputedStyle(document.documentElement);
    draw(pen, width, height, (name) => style.getPropertyValue(`--${name}`).trim());
  };

  const scatter = (canvas, state) => {
    const edge = { left: 74, right: 12, top: 24, bottom: 40 };
    let spots = [];
    const box = () => ({ width: canvas.clientWidth - edge.left - edge.right, height: canvas.clientHeight - edge.top - edge.bottom });
    const draw = () => paint(canvas, (pen, width, height, ink) => {
      const { across, up } = state, size = box();
      const x = (value) => edge.left + (0.02 + 0.96 * across.at(value)) * size.width;
      const y = (value) => edge.top + (0.98 - 0.96 * up.at(value)) * size.height;
      pen.strokeStyle = ink("line");
      pen.fillStyle = ink("quiet");
      pen.textAlign = "center";
      for (const [value, label] of across.ticks) { pen.strokeRect(x(value), edge.top, 0, size.height); pen.fillText(label, x(value), height - 24, size.width / across.ticks.length); }
      pen.textAlign = "right";
      for (const [value, label] of up.ticks) { pen.strokeRect(edge.left, y(value), size.width, 0); pen.fillText(label, edge.left - 6, y(value) + 4, edge.left - 8); }
      pen.textAlign = "center";
      pen.fillStyle = ink("text");
      pen.fillText(across.name, edge.left + size.width / 2, height - 8);
      pen.textAlign = "left";
      pen.fillText(up.name, 4, 14);
      spots = [];
      state.order.forEach((n) => {
        const [a, b] = [across.values[n], up.values[n]];
        if (a === null || b === null) return;
        const [left, top] = [x(a), y(b)];
        spots.push([left, top, n]);
        const front = state.front[n], chosen = state.chosen[n];
        pen.globalAlpha = chosen ? (front ? 1 : 0.75) : 0.15;
        pen.fillStyle = chosen ? state.shade(n) : ink("quiet");
        pen.beginPath();
        pen.arc(left, top, front ? 5 : 3.2, 0, 7);
        pen.fill();
        if (front && chosen) { pen.strokeStyle = ink("mark"); pen.lineWidth = 1.5; pen.stroke(); pen.lineWidth = 1; }
        if (n === state.open) { pen.globalAlpha = 1; pen.strokeStyle = ink("text"); pen.lineWidth = 2; pen.beginPath(); pen.arc(left, top, 9, 0, 7); pen.stroke(); pen.lineWidth = 1; }
      });
      pen.globalAlpha = 1;
    });
    const near = (left, top) => {
      let best = null, least = 14 * 14;
      for (const [x, y, n] of spots) { const far = (x - left) ** 2 + (y - top) ** 2; if (far < least && state.chosen[n]) { least = far; best = n; } }
      return best;
    };
    const inside = (from, to) => {
      const kept = spots.filter(([x, y]) => x >= Math.min(from[0], to[0]) && x <= Math.max(from[0], to[0]) && y >= Math.min(from[1], to[1]) && y <= Math.max(from[1], to[1])).map(([, , n]) => n);
      return [state.across, state.up].map((column) => [column, kept.map((n) => column.at(column.values[n]))]);
    };
    return { draw, near, inside };
  };

  const parallel = (canvas, state, all) => {
    const edge = { side: 46, top: 30, bottom: 16 };
    const shown = all.filter((column) => column.axis || ["energy", "latency", "EDP", "area", "power"].includes(column.name));
    const x = (place) => edge.side + (shown.length > 1 ? place / (shown.length - 1) : 0.5) * (canvas.clientWidth - 2 * edge.side);
    const y = (share) => edge.top + (1 - share) * (canvas.clientHeight - edge.top - edge.bottom);
    const draw = () => paint(canvas, (pen, width, height, ink) => {
      const line = (n) => {
        pen.beginPath();
        shown.forEach((column, place) => { const share = column.at(column.values[n]); if (share !== null) pen[place ? "lineTo" : "moveTo"](x(place), y(share)); });
        pen.stroke();
      };
      const many = state.order.length > 500;
      pen.lineWidth = many ? 0.6 : 1;
      for (const chosen of [false, true]) for (const n of state.order) {
        if (Boolean(state.chosen[n]) !== chosen) continue;
        pen.globalAlpha = chosen ? (state.front[n] ? 0.9 : many ? 0.12 : 0.45) : 0.03;
        pen.strokeStyle = chosen ? state.shade(n) : ink("quiet");
        line(n);
      }
      if (state.open !== null) { pen.globalAlpha = 1; pen.lineWidth = 2; pen.strokeStyle = ink("text"); line(state.open); }
      pen.globalAlpha = 1;
      pen.lineWidth = 1;
      shown.forEach((column, place) => {
        pen.strokeStyle = ink("quiet");
        pen.strokeRect(x(place), y(1), 0, y(0) - y(1));
        const range = state.ranges.get(column);
        if (range) { pen.fillStyle = ink("accent"); pen.fillRect(x(place) - 4, y(range[1]) - 1, 8, y(range[0]) - y(range[1]) + 2); }
        pen.fillStyle = ink("text");
        pen.textAlign = place === 0 ? "left" : place === shown.length - 1 ? "right" : "center";
        const room = (width - 2 * edge.side) / Math.max(shown.length - 1, 1);
        pen.fillText(column.name, place === 0 ? 2 : place === shown.length - 1 ? width - 2 : x(place), 12 + 12 * (place % 2 && room < 90), Math.max(room, 60));
        pen.fillStyle = ink("quiet");
        for (const [value, label] of [column.ticks[0], column.ticks.at(-1)]) pen.fillText(label, pen.textAlign === "left" ? x(place) + 4 : x(place) - (place === shown.length - 1 ? 4 : 0), y(column.at(value)) + (column.at(value) > 0.5 ? -3 : 12), 80);
      });
    });
    const axis = (left) => {
      const place = shown.reduce((best, _, n) => (Math.abs(x(n) - left) < Math.abs(x(best) - left) ? n : best), 0);
      return shown[place];
    };
    const share = (top) => (y(0) - top) / (y(0) - y(1));
    return { draw, axis, share };
  };

  return { columns, scatter, parallel, paint, blend, apart };
})();

// Figures at another point of the front: drawn again from what each layer costs there.
report.charts = (() => {
  const { joules, seconds, percent, digits, exact, scale } = report.units;
  const label = (name) => name.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const total = (values) => values.reduce((a, b) => a + b, 0);

  // Sums over all executions of all layers, by a key: a list of places in the lists of names.
  const summed = (layers, depth) => {
    const sums = new Map();
    for (const { layer, at, name } of layers) {
      for (const [component, group, action, pj] of at.energy) {
        const key = [component, group, depth === "einsum" ? name : action].slice(0, depth === "einsum" ? 3 : depth);
        const text = JSON.stringify(key);
        sums.set(text, { key, pj: (sums.get(text)?.pj ?? 0) + pj * layer.count });
      }
    }
    return [...sums.values()].filter(({ pj }) => pj > 0).sort((a, b) => a.key[0] - b.key[0]);
  };

  const componentsAxis = (axis, names, values) => ({
    ...axis,
    categoryarray: names.map(label).reverse(),
    tickvals: names.map(label),
    ticktext: names.map((name, n) => `<b>${label(name)}</b><br>${values[n]}`),
  });

  const energyLevels = (figure, known, layers) => {
    const sums = summed(layers, 2);
    const all = total(sums.map(({ pj }) => pj)) || 1;
    const components = [...new Set(sums.map(({ key }) => key[0]))];
    const by = components.map((c) => total(sums.filter(({ key }) => key[0] === c).map(({ pj }) => pj)));
    const [factor, unit] = scale(Math.max(...by, 0) * 1e-12, "J");
    const bars = known.groups.map((group, g) => {
      const rows = sums.filter(({ key }) => key[1] === g);
      const found = figure.data.find(({ name }) => name === label(group.name)) ?? { ...figure.data[0], name: label(group.name), marker: { color: group.colour, line: { width: 0 } } };
      return {
        ...found,
        y: rows.map(({ key }) => label(known.components[key[0]].name)),
        x: rows.map(({ pj }) => pj * 1e-12 * factor),
        hovertext: rows.map(({ key, pj }) => `<b>${label(known.components[key[0]].name)}</b> · ${label(group.name)}<br>${joules(pj)} (${percent(pj / all)})<br>${exact(pj)} pJ`),
      };
    });
    const names = components.map((c) => known.components[c].name);
    const yaxis = componentsAxis(figure.layout.yaxis, names, by.map((pj) => `${joules(pj)} · ${percent(pj / all)}`));
    return { data: bars.filter(({ x }) => x.length), layout: { ...figure.layout, yaxis, xaxis: { ...figure.layout.xaxis, ticksuffix: ` ${unit}` } } };
  };

  const ink = (colour) => {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    return 0.299 * red + 0.587 * green + 0.114 * blue > 125 ? "#10151c" : "#ffffff";
  };

  // Of each component and kind of tensor, Einsums without room for a name are one part: "41 others".
  const folded = (parts, room, chosen) => {
    const families = new Map();
    for (const part of parts) families.set(part.path.slice(0, 2).join(), [...(families.get(part.path.slice(0, 2).join()) ?? []), part]);
    return [...families.values()].flatMap((family) => {
      const sorted = family.sort((a, b) => b.pj - a.pj);
      const own = ({ path, pj }) => pj >= room || path[2] === chosen;
      const small = sorted.filter((part) => !own(part));
      if (small.length < 2) return sorted;
      const name = `${small.length} ${small.length < sorted.length ? "others" : "Einsums"}`;
      return [...sorted.filter(own), { path: [...small[0].path.slice(0, 2), name], pj: total(small.map(({ pj }) => pj)) }];
    });
  };

  const icicle = (figure, known, layers, chosen) => {
    const several = layers.length > 1;
    const [tree] = figure.data;
    const named = summed(layers, several ? "einsum" : 3).map(({ key: [c, g, last], pj }) => ({ path: [c, g, several ? last : known.actions[last]], pj }));
    const all = total(named.map(({ pj }) => pj));
    const leaves = several ? folded(named, (18 / 560) * all, chosen) : named;
    const nodes = new Map([["[]", { path: [], pj: all }]]);
    for (const { path, pj } of leaves) {
      const only = !several && leaves.filter((other) => other.path[0] === path[0] && other.path[1] === path[1]).length < 2;
      for (let depth = 1; depth <= (only ? 2 : 3); depth += 1) {
        const key = JSON.stringify(path.slice(0, depth));
        nodes.set(key, { path: path.slice(0, depth), pj: (nodes.get(key)?.pj ?? 0) + pj });
      }
    }
    const words = ([c, g, last]) => [known.components[c]?.name, known.groups[g]?.name, last].filter((word) => word !== undefined);
    const id = (path) => JSON.stringify(words(path));
    const list = [...nodes.values()];
    const colours = list.map(({ path }) => (path.length > 1 ? known.groups[path[1]].colour : path.length ? known.components[path[0]].colour : "#7b8794"));
    const mine = list.map(({ path }) => chosen !== null && path[2] === chosen);
    return {
      data: [{
        ...tree,
        ids: list.map(({ path }) => id(path)),
        labels: list.map(({ path }) => label(path.length ? words(path).at(-1) : known.workload)),
        parents: list.map(({ path }) => (path.length ? id(path.slice(0, -1)) : "")),
        values: list.map(({ pj }) => pj * 1e-12),
        marker: { colors: colours, line: { width: mine.map((is) => (is ? 3 : 1)), color: mine.map((is) => (is ? "#d1495b" : "rgba(255,255,255,0.65)")) } },
        insidetextfont: { color: colours.map(ink) },
        hovertext: list.map(({ path, pj }) => `<b>${label(path.length ? words(path).join(" › ") : known.workload)}</b><br>${joules(pj)} (${percent(all ? pj / all : 0)})<br>${exact(pj)} pJ`),
      }],
      layout: figure.layout,
    };
  };

  const latencyComponents = (figure, known, layers) => {
    const times = new Map();
    for (const { layer, at } of layers) {
      for (const [component, cycles] of at.cycles) {
        const [busy, deciding] = times.get(component) ?? [0, 0];
        times.set(component, [busy + cycles * layer.count, deciding + (component === at.bound ? cycles * layer.count : 0)]);
      }
    }
    const rows = [...times].sort((a, b) => a[0] - b[0]).map(([component, [busy, deciding]]) => ({ name: known.components[component].name, busy, deciding }));
    const whole = total(rows.map(({ deciding }) => deciding)) || 1;
    const [factor, unit] = scale(Math.max(...rows.map(({ busy }) => busy), 0) / known.clock_hz, "s");
    const hovertext = rows.map(({ name, busy, deciding }) => `<b>${label(name)}</b><br>busy ${exact(busy)} cycles<br>${percent(busy / whole)} of the time, decides ${percent(deciding / whole)}`);
    const bar = (trace, cycles) => ({ ...trace, y: rows.map(({ name }) => label(name)), x: rows.map((row) => (cycles(row) / known.clock_hz) * factor), hovertext });
    const yaxis = componentsAxis(figure.layout.yaxis, rows.map(({ name }) => name), rows.map(({ busy }) => seconds(busy / known.clock_hz)));
    return {
      data: [bar(figure.data[0], ({ deciding }) => deciding), bar(figure.data[1], ({ busy, deciding }) => busy - deciding)],
      layout: { ...figure.layout, yaxis, xaxis: { ...figure.layout.xaxis, ticksuffix: ` ${unit}` } },
    };
  };

  // The roofs stay; the dots move: full ones of what binds, rings of the others. What is chosen stands out.
  const roofline = (figure, known, layers, chosen) => {
    const every = layers.filter(({ at }) => at.latency && at.bits.length).flatMap(({ layer, at, name }) => {
      const bound = at.bits.some(([component]) => component === at.bound) ? at.bound : at.bits[0][0];
      return at.bits.map(([component, bits]) => ({ name, level: known.components[component].name, decides: component === bound, x: layer.points / bits, y: layer.points / at.latency, binds: known.components[at.bound]?.name ?? "" }));
    });
    const data = figure.data.map((trace) => {
      if (!trace.meta) return trace;
      const dots = every.filter(({ level, decides }) => level === trace.meta.level && decides === trace.meta.decides);
      const mine = dots.map(({ name }) => name === chosen);
      const size = trace.meta.decides ? 10 : 7;
      return {
        ...trace,
        x: dots.map(({ x }) => x),
        y: dots.map(({ y }) => y),
        showlegend: dots.length > 0,
        customdata: dots.map(({ name }) => name),
        marker: { ...trace.marker, color: trace.meta.decides ? mine.map((is) => (is ? "#d1495b" : trace.marker.color)) : trace.marker.color, size: mine.map((is) => (is ? size + 6 : size)) },
        hovertext: dots.map(({ name, x, y, binds }) => `<b>${label(name)}</b><br>${digits(y)} operations per cycle<br>${digits(x)} operations per bit of ${label(trace.meta.level)}<br>bound by ${label(binds)}`),
      };
    });
    return { data, layout: figure.layout };
  };
  return { "energy-levels": energyLevels, "energy-icicle": icicle, "latency-components": latencyComponents, roofline };
})();

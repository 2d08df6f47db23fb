// The figures of a page, and the curves that show their nests.
report.figures = (data) => {
  const root = document.documentElement;

  const theme = () => {
    const style = getComputedStyle(root);
    const get = (name) => style.getPropertyValue(name).trim();
    return { text: get("--text"), quiet: get("--quiet"), line: get("--line"), card: get("--card") };
  };

  // Figures come without the colours of text and grid: they follow the theme of the page.
  const themed = (layout) => {
    const t = theme();
    const copy = { ...layout, font: { ...layout.font, color: t.text } };
    const touched = matchMedia("(pointer: coarse)").matches; // a finger on a figure scrolls the page
    if (touched) copy.dragmode = false;
    copy.hoverlabel = { ...layout.hoverlabel, bgcolor: t.card, bordercolor: t.line, font: { ...(layout.hoverlabel || {}).font, color: t.text } };
    copy.modebar = { bgcolor: "rgba(0,0,0,0)", color: t.quiet, activecolor: t.text };
    for (const key of ["xaxis", "yaxis"]) {
      copy[key] = { ...layout[key], gridcolor: t.line, linecolor: t.line, zerolinecolor: t.line, tickcolor: t.line, ...(touched && { fixedrange: true }) };
    }
    return copy;
  };

  // A narrow tree has room for names alone: shares are in what is shown on hover.
  const narrow = (trace, width) => (trace.type === "icicle" && width < 480 ? { ...trace, texttemplate: "%{label}" } : trace);

  // A figure is drawn first when it comes near the screen, one in a frame; what it shows may change before that.
  const shows = new Map();
  const drawn = new Set();
  const first = new Map();
  const figure = (id) => data.figures[data.same[id] ?? id];
  const paint = (element) => {
    const [id, changed] = shows.get(element);
    const { data: traces, layout } = changed ?? figure(id);
    Plotly.react(element, traces.map((trace) => narrow(trace, element.clientWidth)), themed(layout), data.config);
    drawn.add(element);
    first.get(element)?.();
    first.delete(element);
  };
  let last = Promise.resolve();
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      last = last.then(() => new Promise(requestAnimationFrame)).then(() => drawn.has(target) || paint(target));
    }
  }, { rootMargin: "50% 0px" });
  const draw = (element, id, changed) => {
    const known = shows.has(element);
    shows.set(element, [id, changed]);
    if (drawn.has(element)) paint(element);
    else if (!known) near.observe(element);
  };
  const onDrawn = (element, act) => { if (drawn.has(element)) act(); else first.set(element, act); };
  const redraw = () => drawn.forEach(paint);

  for (const element of document.querySelectorAll("[data-figure]")) draw(element, element.dataset.figure);

  // The others follow while nothing else goes on: who scrolls fast, or keeps a picture of all, finds them there.
  const whenIdle = window.requestIdleCallback ?? ((act) => setTimeout(act, 50));
  const drawRest = () => {
    const next = [...shows.keys()].find((element) => !drawn.has(element) && element.clientWidth);
    if (!next) return; // what is hidden waits until it is shown
    near.unobserve(next);
    paint(next);
    whenIdle(drawRest);
  };
  if (document.readyState === "complete") whenIdle(drawRest);
  else addEventListener("load", () => whenIdle(drawRest));

  for (const query of ["(prefers-color-scheme: dark)", "(max-width: 560px)"]) matchMedia(query).addEventListener("change", redraw);
  addEventListener("beforeprint", () => { root.classList.add("print"); [...shows.keys()].forEach(paint); });
  addEventListener("afterprint", () => { root.classList.remove("print"); redraw(); });

  const showNest = (box, number) => {
    box.replaceChildren(...data.nests[number].map((place) => {
      const [depth, kind, text, note] = data.lines[place];
      const line = document.createElement("div");
      line.className = `line ${kind}`;
      const code = document.createElement("code");
      const word = document.createElement("b");
      const space = text.indexOf(" ");
      word.textContent = space < 0 ? text : text.slice(0, space);
      code.append("  ".repeat(depth), word, space < 0 ? "" : text.slice(space));
      line.append(code);
      if (note) {
        const side = document.createElement("span");
        side.className = "note";
        side.textContent = note;
        line.append(side);
      }
      return line;
    }));
  };

  // The points of a figure, one of them chosen; where the reader has zoomed in, it stays so.
  const marked = (id, point) => {
    const { data: traces, layout } = figure(id);
    const mark = (trace) => {
      const place = trace.customdata.indexOf(point);
      return { ...trace, selectedpoints: place < 0 ? [] : [place], selected: { marker: { size: 16, opacity: 1 } }, unselected: { marker: { opacity: 0.9 } } };
    };
    return { data: traces.map((trace) => (trace.customdata ? mark(trace) : trace)), layout: { ...layout, uirevision: id } };
  };

  // Curves: a click on a corner shows its nest beside it.
  const explore = (box) => {
    const plot = box.querySelector(".figure");
    const options = box.querySelector(".explorer-head select");
    const title = box.querySelector(".side h3");
    const facts = box.querySelector(".side .facts");
    const which = box.querySelector(".which");
    const picker = which.querySelector("select");
    const nest = box.querySelector(".side .nest");
    let nests = [];

    const pick = () => { if (nests.length) showNest(nest, nests[Number(picker.value)][1]); };
    const show = (front, point) => {
      const [group, ...numbers] = front.nests[point];
      nests = numbers.map((number, place) => [data.names[group][place], number]);
      title.textContent = front.titles ? front.titles[point] : `${front.what || "Point"} ${Number(point) + 1} of ${front.points}`;
      facts.replaceChildren(...front.facts[point].map((fact) => {
        const item = document.createElement("span");
        item.textContent = fact;
        return item;
      }));
      const before = picker.selectedOptions.length ? picker.selectedOptions[0].textContent : "";
      picker.replaceChildren(...nests.map(([name], place) => new Option(name, place, false, name === before)));
      which.hidden = nests.length < 2;
      nest.hidden = !nests.length;
      pick();
      draw(plot, options.value, marked(options.value, point));
    };
    const front = data.fronts[options.value];
    picker.addEventListener("change", pick);
    onDrawn(plot, () => plot.on("plotly_click", ({ points }) => {
      const point = points.find(({ customdata }) => customdata !== undefined);
      if (point) show(front, Number(point.customdata));
    }));
    show(front, front.start);
  };
  document.querySelectorAll("[data-explorer]").forEach(explore);

  // The navigation marks the section that is read.
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [document.getElementById(link.hash.slice(1)), link]));
  const mark = () => {
    const above = [...links.keys()].filter((section) => section.getBoundingClientRect().top < innerHeight / 3);
    const ended = scrollY > 0 && innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    const now = ended ? [...links.keys()].at(-1) : above.at(-1);
    for (const [section, link] of links) {
      if (section !== now) link.removeAttribute("aria-current");
      else if (!link.hasAttribute("aria-current")) {
        link.setAttribute("aria-current", "true");
        link.parentElement.scrollTo({ left: link.offsetLeft - 60 });
      }
    }
  };
  addEventListener("scroll", mark, { passive: true });
  mark();

  Object.assign(report, { data, draw, figure, marked, onDrawn, showNest });
};

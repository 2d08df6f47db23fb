(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const drawn = new Map();
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

  const draw = (element, id, changed) => {
    const figure = changed ?? data.figures[data.same[id] ?? id];
    drawn.set(element, [id, changed]);
    const traces = figure.data.map((trace) => narrow(trace, element.clientWidth));
    return Plotly.react(element, traces, themed(figure.layout), data.config);
  };
  const redraw = () => { for (const [element, [id, changed]] of drawn) draw(element, id, changed); };

  for (const element of document.querySelectorAll("[data-figure]")) draw(element, element.dataset.figure);
  for (const query of ["(prefers-color-scheme: dark)", "(max-width: 560px)"]) matchMedia(query).addEventListener("change", redraw);
  addEventListener("beforeprint", () => { root.classList.add("print"); redraw(); });
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

  // A front or a scatter of designs: a click on a point shows its nest beside it.
  const explore = (box) => {
    const plot = box.querySelector(".figure");
    const options = box.querySelector(".explorer-head select");
    const title = box.querySelector(".side h3");
    const facts = box.querySelector(".side .facts");
    const which = box.querySelector(".which");
    const picker = which.querySelector("select");
    const nest = box.querySelector(".side .nest");
    let nests = [];
    let at = null;

    const pick = () => { if (nests.length) showNest(nest, nests[Number(picker.value)][1]); };
    const show = (front, point) => {
      at = point;
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
      plot.data.forEach((trace, place) => {
        if (!trace.customdata) return;
        const mine = trace.customdata.indexOf(point);
        Plotly.restyle(plot, { selectedpoints: [mine < 0 ? null : [mine]], "selected.marker.size": 16, "selected.marker.opacity": 1, "unselected.marker.opacity": 0.9 }, [place]);
      });
    };
    const open = async (keep) => {
      const id = options.value;
      const front = data.fronts[data.fronts[id].same || id];
      await draw(plot, id);
      plot.removeAllListeners("plotly_click");
      plot.on("plotly_click", (event) => {
        const point = event.points.find((p) => p.customdata !== undefined);
        if (point) show(front, Number(point.customdata));
      });
      show(front, keep && at !== null ? at : front.start);
    };
    picker.addEventListener("change", pick);
    options.addEventListener("change", () => open(Boolean(data.fronts[options.value].same) || box.dataset.explorer === "sweep"));
    open(false);
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

  Object.assign(report, { data, draw, showNest });
})();

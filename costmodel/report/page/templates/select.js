// One layer and one point of the front are chosen for the whole page, wherever that is done; both stand in its address.
report.selection = (data) => {
  const state = { point: null, layer: null, section: "" };
  const heard = [];
  const byName = new Map(data.layers.map((layer, place) => [layer.name, place]));
  const choices = () => (state.point === null ? data.own : data.points[state.point]);
  // A layer as it is at the chosen point.
  const at = (layer) => {
    const choice = layer.search === null ? 0 : choices()[layer.search];
    return { choice, cost: data.costs[layer.costs[choice]], panel: layer.panels[choice] };
  };
  const address = (section = state.section, layer = state.layer) => {
    const parts = [section, state.point !== null && `point=${data.shown[state.point] + 1}`, layer !== null && `layer=${encodeURIComponent(data.layers[layer].name)}`];
    return `#${parts.filter(Boolean).join("&")}`;
  };
  const tell = (keep) => {
    if (!keep) {
      const now = address();
      history.replaceState(null, "", now === "#" ? location.pathname + location.search : now);
    }
    heard.forEach((hear) => hear(state));
  };
  const own = data.chosen === null ? -1 : data.shown.indexOf(data.chosen);
  const read = () => {
    const parts = new Map(location.hash.slice(1).split("&").map((part) => (part.includes("=") ? [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)] : ["", part])));
    const said = (name) => { try { return decodeURIComponent(parts.get(name) ?? ""); } catch { return ""; } };
    state.section = said("");
    const kept = state.section && !parts.has("point") && !parts.has("layer"); // a link to a section changes nothing else
    if (!kept) {
      const point = data.shown.indexOf(Number(said("point")) - 1);
      state.point = point < 0 || point === own ? null : point;
      state.layer = byName.get(said("layer")) ?? null;
    }
    tell(!kept);
    const target = document.getElementById(state.section || (state.layer !== null ? "nests" : state.point !== null ? "fronts" : ""));
    if (target) {
      target.closest("details")?.setAttribute("open", "");
      if (state.section.length < location.hash.length - 1) target.scrollIntoView();
    }
  };
  return {
    state,
    at,
    address,
    start: () => { addEventListener("hashchange", read); read(); },
    onChange: (hear) => heard.push(hear),
    point: (place) => { state.point = place === own || place < 0 ? null : place; tell(false); },
    layer: (place) => { state.layer = place; tell(false); },
    section: (id) => { state.section = id; },
    own,
    layers: () => data.layers.map((layer, place) => ({ layer, place, name: layer.name, at: at(layer).cost })),
  };
};

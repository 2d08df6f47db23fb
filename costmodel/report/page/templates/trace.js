// One trace, and the playback of all.
let shown = "coordinates"; // or "values"
const span = ([low, high]) => (low === high ? `${low}` : `${low}…${high}`);

class Stage {
  constructor(scene, element) {
    this.scene = scene;
    this.element = element;
    this.length = scene.ticks.length || scene.frames.length;
    const real = scene.ticks.length ? scene.ticks.map((tick) => tick[1] >= 0) : scene.frames.map((frame) => frame.e !== "");
    let number = 0;
    this.numbers = real.map((is) => (number += is));
    this.steps = number;
    this.card = element.querySelector(".array");
    if (this.card) this.showArray(scene.frames[0], null);
    const width = Math.max(200, element.querySelector(".tensor-list").clientWidth - 8);
    this.grids = [...element.querySelectorAll(".tensor")].map((figure, n) => new Grid(scene, scene.tensors[n], figure.querySelector(".scroll"), width));
    this.captions = [...element.querySelectorAll(".tensor .reads")];
    this.lines = [...element.querySelectorAll(".nest .line")];
    this.counters = new Map([...element.querySelectorAll("[data-counter]")].map((cell) => [Number(cell.dataset.counter), cell]));
    this.reset();
  }

  reset() {
    this.at = -1;
    this.valued = 0; // frames whose results are in ``values``
    this.values = this.scene.values?.map((start, place) => start?.slice() ?? Array(this.scene.tensors[place].shape.reduce((a, b) => a * b, 1)).fill(null));
    this.held = this.scene.holders.map(() => new Map());
    this.counts = this.scene.counters.map(() => 0);
  }

  go(tick) {
    const last = Math.min(tick, this.length - 1);
    const cycle = this.scene.ticks.length ? this.scene.ticks[last] : null;
    const target = cycle ? cycle[0] : last;
    if (target < this.at) this.reset();
    while (this.at < target) {
      this.at += 1;
      const { taken, words } = this.scene.frames[this.at];
      for (const [holder, instance, tile] of taken) {
        if (this.scene.cells[tile].length) this.held[holder].set(instance, tile);
        else this.held[holder].delete(instance);
      }
      for (const [counter, more] of words) this.counts[counter] += more;
    }
    if (this.values) this.compute(target, cycle);
    this.show(this.scene.frames[target], last, cycle);
  }

  // Words are what the frames so far have made of them; in a systolic array, the passes before, and the cycles of this.
  compute(target, cycle) {
    const whole = cycle && cycle[1] >= 0 ? cycle[1] : target + 1;
    if (whole < this.valued) {
      const { at, held, counts } = this;
      this.reset();
      Object.assign(this, { at, held, counts });
    }
    for (; this.valued < whole; this.valued += 1) {
      const frame = this.scene.frames[this.valued];
      if (!frame.e) continue;
      const output = this.scene.einsums[frame.e].accesses.find((access) => access.written).tensor;
      for (let n = 0; n < frame.values.length; n += 2) this.values[output][frame.values[n]] = frame.values[n + 1];
    }
    this.now = this.values;
  }

  // While what stays is shifted in, the first step has not been done; cycles of skew belong to no step of the first
  // instance: nothing moves in them a second time.
  moves(frame, tick, cycle) {
    if (!cycle || cycle[1] < 0) return { taken: frame.taken, words: frame.words, later: [] };
    const { load } = this.scene.arrays[frame.e];
    const [, , , local] = cycle;
    const filled = new Map(frame.filled);
    const rest = frame.words.map(([counter, words]) => [counter, words - (filled.get(counter) ?? 0)]).filter(([, words]) => words);
    if (local < load) return { taken: local ? [] : frame.taken, words: local ? [] : frame.filled, later: rest };
    const again = local > load && this.scene.ticks[tick - 1][0] === cycle[0];
    return again ? { taken: [], words: [], later: [] } : { taken: local && local === load ? [] : frame.taken, words: local && local === load ? rest : frame.words, later: [] };
  }

  show(frame, tick, cycle) {
    const { einsums } = this.scene;
    const einsum = einsums[frame.e];
    const { taken: moved, words, later } = this.moves(frame, tick, cycle);
    let touched = einsum && !cycle ? frame.touched.map((number) => this.scene.cells[number]) : [];
    if (this.card) touched = this.showArray(frame, cycle) ?? touched;
    this.grids.forEach((grid, number) => {
      const mine = moved.filter(([holder]) => this.scene.holders[holder].tensor === number && this.scene.holders[holder].level > 0);
      const used = einsum ? einsum.accesses.map((access, place) => (access.tensor === number ? touched[place] ?? [] : [])) : [];
      grid.show(this.held, mine.map((t) => t[3]), mine.map((t) => t[4]), used.filter((runs) => runs.length));
      const asked = einsum ? einsum.accesses.filter((access, place) => access.tensor === number && (touched[place] ?? []).length).map((access) => access.text) : [];
      this.captions[number].textContent = [...new Set(asked)].join("  ");
    });
    this.grids.forEach((grid, number) => grid.tell(shown === "values" ? this.now?.[number] : null));
    this.showNest(frame);
    this.showCounts(words, new Map(later));
    this.showPoint(frame, tick, cycle);
  }

  showArray(frame, cycle) {
    const name = frame.e || Object.keys(this.scene.arrays)[0];
    this.card.hidden = !this.scene.arrays[name];
    if (this.card.hidden) return null;
    if (this.drawn !== name) {
      this.machine = new Machine(this.scene, name, this.card, this.element.querySelector(".right").clientWidth - 36);
      this.drawn = name;
    }
    if (!cycle) {
      this.machine.showStep(frame);
      return null;
    }
    const cell = (tensor, word) => word.reduce((sum, x, rank) => sum * this.scene.tensors[tensor].shape[rank] + x, 0);
    if (this.values && cycle[1] >= 0 && this.machine.einsum.values) {
      const output = this.machine.einsum.accesses.find((access) => access.written).tensor;
      this.now = this.values.map((list, place) => (place === output ? list.slice() : list));
      for (const [word, value] of this.machine.results(this.scene.frames, cycle)) this.now[output][cell(output, word)] = value;
    }
    this.machine.named = shown === "values" && this.values ? (access, word) => this.now[access.tensor][cell(access.tensor, word)] : null;
    const words = this.machine.showCycle(this.scene.frames, cycle);
    return words.map((list, place) => {
      const { tensor } = this.machine.einsum.accesses[place];
      return list.flatMap((word) => [cell(tensor, word), 1]);
    });
  }

  showNest(frame) {
    const turned = new Set(frame.turned);
    this.scene.lines.forEach((line, number) => {
      if (line.loop < 0) return;
      const element = this.lines[number];
      const at = frame.at[line.loop];
      element.classList.toggle("turned", turned.has(line.loop));
      element.querySelector(".live").replaceChildren(...(at < 0 ? [] : [html("b", at + 1), `of ${this.scene.loops[line.loop]}`]));
    });
  }

  showCounts(words, later) {
    const now = new Map(words);
    const done = new Map();
    for (const [number, cell] of this.counters) {
      const count = this.counts[number] - (later.get(number) ?? 0);
      if (cell.textContent !== "–") cell.textContent = count.toLocaleString("en");
      cell.classList.toggle("moved", now.has(number));
      done.set(cell.parentElement, (done.get(cell.parentElement) ?? 0) + count);
    }
    for (const [row, count] of done) row.style.setProperty("--done", Number(row.dataset.total) ? count / Number(row.dataset.total) : 0);
  }

  showPoint(frame, tick, cycle) {
    const step = this.element.querySelector(".now .step");
    const point = this.element.querySelector(".now .point");
    const what = cycle ? "cycle" : "step";
    step.textContent = `${what} ${this.numbers[tick]} of ${this.steps}`;
    if (!frame.e) {
      point.textContent = tick === this.length - 1 ? "done: what is left is drained" : "the end of a branch: what it holds leaves";
      return;
    }
    if (cycle && cycle[1] >= 0) {
      const { load } = this.scene.arrays[frame.e];
      const [, , steps, local] = cycle;
      const phase = local < load ? "what stays is shifted in" : local - load < steps ? `step ${local - load + 1} of ${steps} enters` : "the last steps pass through";
      point.textContent = phase;
      return;
    }
    const names = this.scene.einsums[frame.e].variables;
    point.replaceChildren(...names.map((name, place) => html("span", html("b", name), ` ${span(frame.ranges[place])}`)));
    const many = Object.keys(this.scene.einsums).length > 1 ? frame.e : "";
    const note = [many, frame.steps > 1 ? `${frame.steps.toLocaleString("en")} steps` : "", frame.active > 1 ? `${frame.active} instances` : "", frame.active ? "" : "in the padding: nothing is done"].filter(Boolean).join(", ");
    if (note) point.append(html("em", note));
  }
}

// Playback
(async () => {
  const { scenes } = await report.unpack();
  const stages = scenes.map((scene, n) => new Stage(scene, document.getElementById(`stage-${n}`)));
  const length = Math.max(...stages.map((stage) => stage.length));
  const longest = stages.find((stage) => stage.length === length);
  const [scrub, where, play, speed] = ["scrub", "where", "play", "speed"].map((id) => document.getElementById(id));
  let now = 0;
  let timer = null;
  scrub.max = length - 1;

  const go = (tick) => {
    now = Math.max(0, Math.min(length - 1, tick));
    scrub.value = now;
    where.textContent = `${longest.numbers[now]} of ${longest.steps}${now === length - 1 && !longest.scene.frames.at(-1).e ? ", done" : ""}`;
    for (const stage of stages) stage.go(now);
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.setAttribute("aria-pressed", "false");
    play.setAttribute("aria-label", "Play");
  };
  const start = () => {
    if (now === length - 1) go(0);
    play.setAttribute("aria-pressed", "true");
    play.setAttribute("aria-label", "Pause");
    timer = setInterval(() => {
      go(now + 1);
      if (now === length - 1) stop();
    }, Number(speed.value));
  };
  const choice = document.getElementById("values");
  const choose = (what) => {
    shown = what;
    if (choice) choice.checked = what === "values";
    go(now);
  };
  choice?.addEventListener("change", () => choose(choice.checked ? "values" : "coordinates"));
  const toggle = () => (timer ? stop() : start());
  const step = (tick) => {
    stop();
    go(tick);
  };

  play.addEventListener("click", toggle);
  document.getElementById("first").addEventListener("click", () => step(0));
  document.getElementById("back").addEventListener("click", () => step(now - 1));
  document.getElementById("next").addEventListener("click", () => step(now + 1));
  document.getElementById("last").addEventListener("click", () => step(length - 1));
  scrub.addEventListener("input", () => step(Number(scrub.value)));
  speed.addEventListener("change", () => {
    if (timer) {
      stop();
      start();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
    const keys = { " ": toggle, ArrowLeft: () => step(now - 1), ArrowRight: () => step(now + 1), PageUp: () => step(now - 10), PageDown: () => step(now + 10), Home: () => step(0), End: () => step(length - 1), v: () => choice && choose(choice.checked ? "coordinates" : "values") };
    if (!keys[event.key] || (event.key === " " && (event.target.tagName === "BUTTON" || event.target.type === "checkbox"))) return;
    event.preventDefault();
    keys[event.key]();
  });
  if (choice?.checked) shown = "values";
  go(0);
  document.documentElement.dataset.ready = "yes";
})();

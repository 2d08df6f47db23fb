"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const LANE = 2; // words outside of an array that are drawn before they enter, or after they leave
  const DRAWN = 1024; // instances of an array that are drawn though they may be unused
  const scenes = JSON.parse(document.getElementById("report-data").textContent).scenes;

  const make = (name, attributes = {}, parent = null) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (parent) parent.append(element);
    return element;
  };
  const html = (name, ...children) => {
    const element = document.createElement(name);
    element.append(...children);
    return element;
  };
  const product = (numbers) => numbers.reduce((a, b) => a * b, 1);
  const span = ([low, high]) => (low === high ? `${low}` : `${low}…${high}`);

  // --- tensors: cells of the last two ranks in panels, one panel for each coordinate of the others ---

  class Grid {
    constructor(scene, tensor, element, width) {
      this.scene = scene;
      this.tensor = tensor;
      const shape = tensor.shape;
      this.columns = shape.length ? shape[shape.length - 1] : 1;
      this.rows = shape.length > 1 ? shape[shape.length - 2] : 1;
      this.panels = product(shape.slice(0, -2));
      const across = Math.min(this.panels, Math.max(1, Math.ceil(Math.sqrt((this.panels * this.rows * 1.6) / this.columns))));
      const most = this.panels > 1 ? width / across - 14 : width - 26;
      this.size = Math.max(3, Math.min(26, Math.floor(most / this.columns), Math.floor(420 / this.rows)));
      this.wrap = this.rows === 1 && this.panels === 1 ? Math.max(1, Math.floor((width - 26) / this.size)) : 0;
      if (this.wrap >= this.columns) this.wrap = 0;
      this.across = across;
      this.labelled = this.panels === 1 && !this.wrap && this.size >= 16;
      this.left = this.labelled && this.rows > 1 ? 22 : 2;
      this.top = this.labelled ? 15 : this.panels > 1 ? 14 : 2;
      this.draw(element);
    }

    at(cell) {
      if (this.wrap) return [(cell % this.wrap) * this.size + this.left, Math.floor(cell / this.wrap) * this.size + this.top];
      const each = this.rows * this.columns;
      const panel = Math.floor(cell / each);
      const row = Math.floor((cell % each) / this.columns);
      const column = cell % this.columns;
      const x = (panel % this.across) * (this.columns * this.size + 14) + column * this.size + this.left;
      return [x, Math.floor(panel / this.across) * (this.rows * this.size + 20) + row * this.size + this.top];
    }

    draw(element) {
      const cells = product(this.tensor.shape);
      const [lastX, lastY] = this.at(cells - 1);
      const [cornerX] = this.wrap ? this.at(this.wrap - 1) : this.panels > 1 ? this.at((this.across - 1) * this.rows * this.columns + this.columns - 1) : [lastX];
      const width = Math.max(lastX, cornerX) + this.size + 4;
      const height = lastY + this.size + 4;
      const svg = make("svg", { class: "grid", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `tensor ${this.tensor.name}` });
      const all = this.shape([0, cells]);
      make("path", { class: "cell", d: all }, svg);
      this.holders = this.scene.holders.map((holder, number) => ({ ...holder, number })).filter((h) => this.scene.tensors[h.tensor] === this.tensor && h.level > 0);
      this.held = this.holders.map(() => make("path", { class: "held" }, svg));
      this.arrived = make("path", { class: "arrived" }, svg);
      this.touched = make("path", { class: "touched" }, svg);
      if (this.size > 4) make("path", { class: "lines", d: this.gridlines(cells) }, svg);
      this.gone = make("path", { class: "left" }, svg);
      this.tiles = this.holders.map((h) => make("path", { class: "tile", stroke: this.scene.levels[h.level].colour, "stroke-width": h.instances > 1 ? 1.4 : 2.4 }, svg));
      if (this.labelled) this.labels(svg);
      else if (this.panels > 1) this.captions(svg);
      element.replaceChildren(svg);
    }

    labels(svg) {
      for (let c = 0; c < this.columns; c += 1) make("text", { x: this.left + (c + 0.5) * this.size, y: 10, "text-anchor": "middle" }, svg).textContent = c;
      if (this.rows > 1) for (let r = 0; r < this.rows; r += 1) make("text", { x: 17, y: this.top + (r + 0.5) * this.size + 3.5, "text-anchor": "end" }, svg).textContent = r;
    }

    captions(svg) {
      const outer = this.tensor.shape.slice(0, -2);
      for (let panel = 0; panel < this.panels; panel += 1) {
        const [x, y] = this.at(panel * this.rows * this.columns);
        const parts = outer.map((_, place) => Math.floor(panel / product(outer.slice(place + 1))) % outer[place]);
        if (this.columns * this.size >= 8 * parts.join(",").length) make("text", { x, y: y - 3 }, svg).textContent = parts.join(",");
      }
    }

    gridlines(cells) {
      let d = "";
      for (let cell = 0; cell < cells; cell += 1) {
        const [x, y] = this.at(cell);
        d += `M${x} ${y + this.size}v${-this.size}h${this.size}`;
      }
      return d;
    }

    // A run of cells that goes over the end of a row becomes several rectangles.
    shape(runs) {
      let d = "";
      const row = this.wrap || this.columns;
      for (let n = 0; n < runs.length; n += 2) {
        let start = runs[n];
        let left = runs[n + 1];
        while (left > 0) {
          const here = Math.min(left, row - (start % row));
          const [x, y] = this.at(start);
          d += `M${x} ${y}h${here * this.size}v${this.size}h${-here * this.size}z`;
          start += here;
          left -= here;
        }
      }
      return d;
    }

    // Sides of cells whose neighbour is not in the set, moved inwards so that outlines of several levels are seen.
    outline(runs, inset) {
      const inside = new Set();
      for (let n = 0; n < runs.length; n += 2) for (let c = 0; c < runs[n + 1]; c += 1) inside.add(runs[n] + c);
      const row = this.wrap || this.columns;
      const each = this.wrap ? Infinity : this.rows * this.columns;
      const has = (cell, dx, dy) => {
        const column = (cell % row) + dx;
        const next = cell + dx + dy * row;
        if (column < 0 || column >= row) return false;
        return (each === Infinity || Math.floor(next / each) === Math.floor(cell / each)) && inside.has(next);
      };
      let d = "";
      for (const cell of inside) {
        const [x, y] = this.at(cell);
        const [up, down, back, on] = [has(cell, 0, -1), has(cell, 0, 1), has(cell, -1, 0), has(cell, 1, 0)];
        const [x0, x1] = [x + (back ? 0 : inset), x + this.size - (on ? 0 : inset)];
        const [y0, y1] = [y + (up ? 0 : inset), y + this.size - (down ? 0 : inset)];
        if (!up) d += `M${x0} ${y0}H${x1}`;
        if (!down) d += `M${x0} ${y1}H${x1}`;
        if (!back) d += `M${x0} ${y0}V${y1}`;
        if (!on) d += `M${x1} ${y0}V${y1}`;
      }
      return d;
    }

    show(held, arriving, leaving, touched) {
      const cells = this.scene.cells;
      this.holders.forEach((holder, place) => {
        const tiles = [...new Set(held[holder.number].values())];
        this.held[place].setAttribute("d", tiles.map((t) => this.shape(cells[t])).join(""));
        const inset = this.size > 8 ? 1 + 2.4 * (holder.level - 1) : 0.5;
        this.tiles[place].setAttribute("d", tiles.map((t) => this.outline(cells[t], inset)).join(""));
      });
      this.arrived.setAttribute("d", arriving.map((t) => this.shape(cells[t])).join(""));
      this.gone.setAttribute("d", leaving.map((t) => this.outline(cells[t], 3)).join(""));
      this.touched.setAttribute("d", touched.map((runs) => this.shape(runs)).join(""));
    }
  }

  // --- arrays: instances in a grid; in a systolic one words pass from cell to cell ---

  class Machine {
    constructor(scene, einsum, card, room) {
      this.scene = scene;
      this.einsum = scene.einsums[einsum];
      this.array = scene.arrays[einsum];
      const { systolic, ways, places } = this.array;
      const whole = this.array.rows * this.array.columns <= DRAWN;
      const rows = whole ? this.array.rows : Math.max(...places.map(([r]) => r)) + 1;
      const columns = whole ? this.array.columns : Math.max(...places.map(([, c]) => c)) + 1;
      [this.rows, this.columns] = [rows, columns];
      const some = (test) => (systolic && this.einsum.accesses.some(test) ? LANE : 0);
      this.lanes = {
        left: some((access, n) => ways[n] === "right" && !access.written),
        top: some((access, n) => !access.written && (ways[n] === "down" || (ways[n] === "still" && systolic !== "output"))),
        right: some((access, n) => ways[n] === "right" && access.written),
        bottom: some((access, n) => ways[n] === "down" && access.written),
      };
      const [wide, high] = [columns + this.lanes.left + this.lanes.right, rows + this.lanes.top + this.lanes.bottom];
      this.size = Math.max(8, Math.min(systolic ? 62 : 56, Math.floor(room / wide) - 6, Math.floor(680 / high) - 6));
      this.pitch = this.size + (this.size > 24 ? 6 : 2);
      const [width, height] = [wide * this.pitch, high * this.pitch];
      this.svg = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `array ${this.array.name}` });
      this.places = new Map();
      this.pes = new Map();
      for (let r = 0; r < rows; r += 1) {
        for (let c = 0; c < columns; c += 1) {
          const [x, y] = this.corner(r, c);
          const box = make("rect", { class: "pe", x, y, width: this.size, height: this.size, rx: Math.min(8, this.size / 6), "data-pe": `${r},${c}` }, this.svg);
          const text = make("text", { x: x + this.size / 2, y: y + this.size / 2 }, this.svg);
          this.pes.set(`${r},${c}`, { box, text });
        }
      }
      this.words = new Map();
      this.layer = make("g", {}, this.svg);
      this.array.places.forEach(([r, c], instance) => this.places.set(`${r},${c}`, instance));
      const part = whole ? "" : `, of which ${rows} × ${columns} are used`;
      card.querySelector("h3").textContent = `${this.array.name}: ${this.array.rows} × ${this.array.columns}${part}${systolic ? `, systolic, ${systolic} stationary` : ""}`;
      this.hint = card.querySelector(".hint");
      this.hint.replaceChildren(this.key());
      card.querySelector(".scroll").replaceChildren(this.svg);
    }

    key() {
      const ways = { still: "stays", right: "moves right", down: "moves down", all: "the same everywhere" };
      const key = html("span");
      key.className = "key";
      this.einsum.accesses.forEach((access, place) => {
        const dot = html("i");
        dot.style.setProperty("--c", this.scene.tensors[access.tensor].colour);
        const way = this.array.systolic ? ways[this.array.ways[place]] : { still: "one each", right: "shared along rows", down: "shared down columns", all: "shared by all" }[this.array.ways[place]];
        key.append(html("span", dot, `${this.scene.tensors[access.tensor].name} ${way}`));
      });
      const shown = this.varied().map((place) => this.einsum.variables[place]).join(", ");
      key.append(html("span", this.array.systolic ? "counters follow the corner at the top left" : `each shows its ${shown}`));
      return key;
    }

    corner(row, column) {
      const gap = (this.pitch - this.size) / 2;
      return [(column + this.lanes.left) * this.pitch + gap, (row + this.lanes.top) * this.pitch + gap];
    }

    point(frame, instance) {
      const offset = this.einsum.offsets[instance];
      return frame.point.map((x, place) => x + offset[place]);
    }

    // Lock step: every instance shows its point.
    showStep(frame) {
      const idle = new Set(frame.idle);
      for (const [where, { box, text }] of this.pes) {
        const instance = this.places.get(where);
        const on = frame.e !== "" && instance !== undefined && !idle.has(instance) && frame.active > 0;
        box.classList.toggle("on", on);
        const point = on && frame.steps === 1 ? this.point(frame, instance) : null;
        const moving = point && this.varied().map((place) => point[place]).join(",");
        text.textContent = moving && this.size >= 9 * moving.length ? moving : "";
        if (point) box.setAttribute("data-point", point.join(","));
        else box.removeAttribute("data-point");
      }
    }

    varied() {
      this.different ??= this.einsum.variables.map((_, place) => place).filter((place) => this.einsum.offsets.some((offset) => offset[place]));
      return this.different.length ? this.different : this.einsum.variables.map((_, place) => place);
    }

    word(access, point) {
      if (!access.written && access.at_zero.some((place) => point[place])) return null;
      return access.indices.map(([constant, ...terms]) => terms.reduce((sum, [place, c]) => sum + c * point[place], constant));
    }

    // One cycle: instance (r, c) is at step cycle − load − r − c; what enters at an edge was that many steps ago there.
    showCycle(frames, [, first, steps, cycle]) {
      const shown = new Map();
      const touched = this.einsum.accesses.map(() => new Map());
      const { load, ways, systolic } = this.array;
      const { rows, columns } = this;
      const put = (key, access, coordinate, row, column, slot, outside) => shown.set(key, { access, coordinate, row, column, slot, outside });
      for (const [where, { box, text }] of this.pes) {
        const [row, column] = where.split(",").map(Number);
        const step = cycle - load - row - column;
        const instance = this.places.get(where);
        const on = first >= 0 && instance !== undefined && step >= 0 && step < steps && !frames[first + step].idle.includes(instance);
        box.classList.toggle("on", on);
        text.textContent = "";
        if (on) box.setAttribute("data-point", this.point(frames[first + step], instance).join(","));
        else box.removeAttribute("data-point");
      }
      if (first < 0) return this.place(shown, touched);
      this.einsum.accesses.forEach((access, place) => {
        const way = ways[place];
        for (const [where, instance] of this.places) {
          const [row, column] = where.split(",").map(Number);
          const active = cycle - load - row - column;
          const at = (step) => {
            const frame = frames[first + step];
            return frame.idle.includes(instance) ? null : this.word(access, this.point(frame, instance));
          };
          if (active >= 0 && active < steps && at(active)) touched[place].set(at(active).join(","), at(active));
          if (way === "still") {
            const shifted = Math.min(row, row - (load - 1 - cycle));
            if (systolic === "output" ? active >= 0 : shifted >= -this.lanes.top) {
              const coordinate = at(Math.min(Math.max(active, 0), steps - 1));
              if (coordinate) put(`${place}:${first}:${row},${column}`, access, coordinate, shifted, column, "middle", shifted < 0);
            }
          } else if (way === "right" && column === 0) {
            this.stream(steps, cycle - load - row, access, [this.lanes.left, columns, this.lanes.right], (step, virtual) => {
              const coordinate = at(step);
              if (coordinate) put(`${place}:${first}:${row}:${step}`, access, coordinate, row, virtual, "left", virtual < 0 || virtual >= columns);
            });
          } else if (way === "down" && row === 0) {
            this.stream(steps, cycle - load - column, access, [this.lanes.top, rows, this.lanes.bottom], (step, virtual) => {
              const coordinate = at(step);
              if (coordinate) put(`${place}:${first}:${column}:${step}`, access, coordinate, virtual, column, "top", virtual < 0 || virtual >= rows);
            });
          }
        }
      });
      return this.place(shown, touched);
    }

    // Steps of a lane at place `now − step`: in the array, about to enter it, or, of what is written, leaving it.
    stream(steps, now, access, [before, length, behind], tell) {
      for (let step = 0; step < steps; step += 1) {
        const virtual = now - step;
        if (virtual >= (access.written ? 0 : -before) && virtual < length + (access.written ? behind : 0)) tell(step, virtual);
      }
    }

    place(shown, touched) {
      for (const [key, group] of this.words) {
        if (!shown.has(key)) {
          group.remove();
          this.words.delete(key);
        }
      }
      for (const [key, word] of shown) {
        const large = this.size >= 40;
        const text = word.coordinate.join(",");
        const [width, height] = large ? [Math.min(this.size - 8, Math.max(22, 7 * text.length + 8)), Math.min(16, (this.size - 10) / 3)] : [this.size * 0.42, this.size * 0.26];
        const [x, y] = this.corner(word.row, word.column);
        const slot = { left: [3, this.size / 2 - height / 2 + (large ? 2 : 0)], top: [this.size / 2 - width / 2, 3], middle: [this.size / 2 - width / 2, this.size - height - 3] }[word.slot];
        let group = this.words.get(key);
        if (!group) {
          group = make("g", { class: "word", "data-word": `${this.scene.tensors[word.access.tensor].name}[${text}]` });
          group.style.setProperty("--c", this.scene.tensors[word.access.tensor].colour);
          make("rect", { width, height, rx: 4 }, group);
          make("title", {}, group).textContent = `${this.scene.tensors[word.access.tensor].name}[${text}]`;
          if (large) make("text", { x: width / 2, y: height / 2 + 0.5 }, group).textContent = text;
          this.layer.append(group);
          this.words.set(key, group);
        }
        group.classList.toggle("outside", word.outside);
        group.setAttribute("data-at", `${word.row},${word.column}`);
        group.style.transform = `translate(${x + slot[0]}px, ${y + slot[1]}px)`;
      }
      return touched.map((words) => [...words.values()]);
    }
  }

  // --- one trace ---

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
      this.show(this.scene.frames[target], last, cycle);
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
      const words = this.machine.showCycle(this.scene.frames, cycle);
      return words.map((list, place) => {
        const shape = this.scene.tensors[this.machine.einsum.accesses[place].tensor].shape;
        return list.flatMap((word) => [word.reduce((cell, x, rank) => cell * shape[rank] + x, 0), 1]);
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

  // --- playback ---

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
    const keys = { " ": toggle, ArrowLeft: () => step(now - 1), ArrowRight: () => step(now + 1), PageUp: () => step(now - 10), PageDown: () => step(now + 10), Home: () => step(0), End: () => step(length - 1) };
    if (!keys[event.key] || (event.key === " " && event.target.tagName === "BUTTON")) return;
    event.preventDefault();
    keys[event.key]();
  });
  go(0);
})();

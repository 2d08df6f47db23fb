// Arrays: instances in a grid; in a systolic one words pass from cell to cell.
const LANE = 2; // words outside of an array that are drawn before they enter, or after they leave
const DRAWN = 1024; // instances of an array that are drawn though they may be unused

class Machine {
  constructor(scene, einsum, card, room) {
    this.scene = scene;
    this.named = null; // what a word is called: its value where values are shown
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

  // What a word of the output is after a point.
  result(point) {
    if (!this.einsum.values) return null;
    const at = point.reduce((sum, x, place) => sum * this.einsum.shape[place] + x, 0);
    return this.einsum.values[at];
  }

  // Results of all steps of a pass up to a cycle, in the order of the cycles: what the output holds then.
  *results(frames, [, first, steps, cycle]) {
    const access = this.einsum.accesses.find((each) => each.written);
    for (let now = this.array.load; now <= cycle; now += 1) {
      for (const [where, instance] of this.places) {
        const [row, column] = where.split(",").map(Number);
        const step = now - this.array.load - row - column;
        if (step < 0 || step >= steps || frames[first + step].idle.includes(instance)) continue;
        const point = this.point(frames[first + step], instance);
        const value = this.result(point);
        if (value !== null) yield [this.word(access, point), value];
      }
    }
  }

  // One cycle: instance (r, c) is at step cycle − load − r − c; what enters at an edge was that many steps ago there.
  showCycle(frames, [, first, steps, cycle]) {
    const shown = new Map();
    const touched = this.einsum.accesses.map(() => new Map());
    const { load, ways, systolic } = this.array;
    const { rows, columns } = this;
    const put = (key, access, coordinate, row, column, slot, outside, value) => shown.set(key, { access, coordinate, row, column, slot, outside, value });
    // a sum that passes has the value that the last instance which worked on it gave it
    const summed = (row, column, step) => {
      const instance = this.places.get(`${row},${column}`);
      if (instance === undefined || frames[first + step].idle.includes(instance)) return null;
      return this.result(this.point(frames[first + step], instance));
    };
    const latest = (path, step) => path.map(([row, column]) => summed(row, column, step)).findLast((value) => value !== null);
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
            const value = access.written && active >= 0 ? summed(row, column, Math.min(active, steps - 1)) : undefined;
            if (coordinate) put(`${place}:${first}:${row},${column}`, access, coordinate, shifted, column, "middle", shifted < 0, value);
          }
        } else if (way === "right" && column === 0) {
          this.stream(steps, cycle - load - row, access, [this.lanes.left, columns, this.lanes.right], (step, virtual) => {
            const coordinate = at(step);
            const path = Array.from({ length: Math.max(0, Math.min(virtual, columns - 1) + 1) }, (_, c) => [row, c]);
            if (coordinate) put(`${place}:${first}:${row}:${step}`, access, coordinate, row, virtual, "left", virtual < 0 || virtual >= columns, access.written ? latest(path, step) : undefined);
          });
        } else if (way === "down" && row === 0) {
          this.stream(steps, cycle - load - column, access, [this.lanes.top, rows, this.lanes.bottom], (step, virtual) => {
            const coordinate = at(step);
            const path = Array.from({ length: Math.max(0, Math.min(virtual, rows - 1) + 1) }, (_, r) => [r, column]);
            if (coordinate) put(`${place}:${first}:${column}:${step}`, access, coordinate, virtual, column, "top", virtual < 0 || virtual >= rows, access.written ? latest(path, step) : undefined);
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
      const name = word.coordinate.join(",");
      const value = word.value ?? this.named?.(word.access, word.coordinate);
      const text = this.named ? (value === undefined || value === null ? "" : written(value)) : name;
      const [width, height] = large ? [Math.min(this.size - 8, Math.max(22, 7 * text.length + 8)), Math.min(16, (this.size - 10) / 3)] : [this.size * 0.42, this.size * 0.26];
      const [x, y] = this.corner(word.row, word.column);
      const slot = { left: [3, this.size / 2 - height / 2 + (large ? 2 : 0)], top: [this.size / 2 - width / 2, 3], middle: [this.size / 2 - width / 2, this.size - height - 3] }[word.slot];
      let group = this.words.get(key);
      if (!group) {
        group = make("g", { class: "word", "data-word": `${this.scene.tensors[word.access.tensor].name}[${name}]` });
        group.style.setProperty("--c", this.scene.tensors[word.access.tensor].colour);
        make("rect", { height, rx: 4 }, group);
        make("title", {}, group);
        if (large) make("text", { y: height / 2 + 0.5 }, group);
        this.layer.append(group);
        this.words.set(key, group);
      }
      group.querySelector("rect").setAttribute("width", width);
      const told = `${this.scene.tensors[word.access.tensor].name}[${name}]`;
      group.querySelector("title").textContent = value === undefined || value === null ? told : `${told} = ${written(value)}`;
      group.setAttribute("data-value", value ?? "");
      if (large) {
        group.querySelector("text").setAttribute("x", width / 2);
        group.querySelector("text").textContent = text;
      }
      group.classList.toggle("outside", word.outside);
      group.setAttribute("data-at", `${word.row},${word.column}`);
      group.style.transform = `translate(${x + slot[0]}px, ${y + slot[1]}px)`;
    }
    return touched.map((words) => [...words.values()]);
  }
}

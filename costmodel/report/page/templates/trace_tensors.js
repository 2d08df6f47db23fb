const SVG = "http://www.w3.org/2000/svg";

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
const NUMBERED = 600; // cells of a tensor at most that have a number in them
const product = (numbers) => numbers.reduce((a, b) => a * b, 1);

const written = (value) => (typeof value === "number" ? String(value).replace("-", "−") : value);

// Tensors: cells of the last two ranks in panels, one panel for each coordinate of the others.

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
    this.numbers = this.size >= 20 && cells <= NUMBERED ? Array.from({ length: cells }, (_, cell) => this.number(cell, svg)) : [];
    if (this.labelled) this.labels(svg);
    else if (this.panels > 1) this.captions(svg);
    element.replaceChildren(svg);
  }

  number(cell, svg) {
    const [x, y] = this.at(cell);
    return make("text", { class: "value", x: x + this.size / 2, y: y + this.size / 2 }, svg);
  }

  // Values of the cells, or none; long ones are small.
  tell(values) {
    this.numbers.forEach((text, cell) => {
      const value = values?.[cell];
      const told = value === undefined || value === null ? "" : written(value);
      if (text.textContent === told) return;
      text.textContent = told;
      text.style.fontSize = `${Math.min(11, Math.floor((this.size * 1.5) / Math.max(1, told.length)))}px`;
    });
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

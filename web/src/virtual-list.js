/** A list of any length of which only the visible rows are in the document. Heights may differ. */

const SPARE_PX = 400;

/**
 * @typedef {object} Rows
 * @property {() => number} count
 * @property {(index: number) => number} estimate height of a row that has not been measured, pixels
 * @property {(index: number) => HTMLElement} create
 */

export class VirtualList {
  /** @param {HTMLElement} scroller @param {HTMLElement} content @param {Rows} rows */
  constructor(scroller, content, rows) {
    this.scroller = scroller;
    this.content = content;
    this._rows = rows;
    /** @type {Map<number, HTMLElement>} */
    this.shown = new Map();
    this._tops = new Float64Array(1);
    this._heights = new Float64Array(0);
    this._measured = new Uint8Array(0);
    this._frame = 0;
    this._width = 0;
    scroller.addEventListener('scroll', () => this._later(), { passive: true });
    this._observer = new ResizeObserver(() => {
      if (content.clientWidth !== this._width) this.reset(true);
      this._later();
    });
    this._observer.observe(scroller);
  }

  /** Begin again with other rows. @param {boolean} [keep] keep the place */
  reset(keep = false) {
    const anchor = keep ? this._anchor() : null;
    this._width = this.content.clientWidth;
    const count = this._rows.count();
    this._heights = Float64Array.from({ length: count }, (_, index) => this._rows.estimate(index));
    this._measured = new Uint8Array(count);
    for (const row of this.shown.values()) row.remove();
    this.shown.clear();
    this._sum();
    if (anchor && anchor.index < count) this.scroller.scrollTop = this._tops[anchor.index] + anchor.below;
    this.render();
  }

  /** Take the new number of rows; those that are shown stay. */
  resize() {
    const count = this._rows.count();
    if (count === this._heights.length) return;
    const [heights, measured] = [this._heights, this._measured];
    this._heights = Float64Array.from(
      { length: count },
      (_, index) => heights[index] ?? this._rows.estimate(index),
    );
    this._measured = new Uint8Array(count);
    this._measured.set(measured.subarray(0, count));
    this._sum();
    this.render();
  }

  /** Create the shown rows again. @param {(index: number) => boolean} [which] */
  refresh(which = () => true) {
    for (const [index, row] of this.shown) {
      if (!which(index)) continue;
      row.remove();
      this.shown.delete(index);
    }
    this.render();
  }

  /** Indices of the rows in the document: the first one, and the one behind the last. */
  get range() {
    const [top, bottom] = [
      this.scroller.scrollTop - SPARE_PX,
      this.scroller.scrollTop + this.scroller.clientHeight + SPARE_PX,
    ];
    const offset = this.content.offsetTop;
    const first = this._rowAt(top - offset);
    return { first, behind: Math.min(this._heights.length, this._rowAt(bottom - offset) + 1) };
  }

  /** Scroll until a row is visible. @param {number} index @param {'nearest' | 'center'} [block] */
  reveal(index, block = 'nearest') {
    if (index < 0 || index >= this._heights.length) return;
    for (let turn = 0; turn < 3; turn++) {
      const top = this._tops[index] + this.content.offsetTop;
      const height = this._heights[index];
      const [from, room] = [this.scroller.scrollTop, this.scroller.clientHeight];
      const visible = top >= from && top + Math.min(height, room) <= from + room;
      if (visible && block === 'nearest') break;
      this.scroller.scrollTop =
        block === 'center' || top > from ? top - Math.max(0, room - height) / 2 : top - 8;
      this.render();
      if (this._measured[index]) break;
    }
  }

  render() {
    const { first, behind } = this.range;
    for (const [index, row] of this.shown) {
      if (index >= first && index < behind) continue;
      // A row with the focus stays, or the keyboard would lose its place.
      if (row.contains(document.activeElement)) continue;
      row.remove();
      this.shown.delete(index);
    }
    const fresh = [];
    for (let index = first; index < behind; index++) {
      if (this.shown.has(index)) continue;
      const row = this._rows.create(index);
      row.style.position = 'absolute';
      row.style.insetInline = '0';
      row.style.top = `${this._tops[index]}px`;
      this.shown.set(index, row);
      this._insert(row, index);
      if (!this._measured[index]) fresh.push(index);
    }
    if (fresh.length) this._measure(fresh);
    const height = `${this._tops[this._heights.length]}px`;
    // Setting it lays the page out again, even to the same.
    if (this.content.style.height !== height) this.content.style.height = height;
  }

  /** In the order of the list, as screen readers read it. @param {HTMLElement} row @param {number} index */
  _insert(row, index) {
    row.dataset.index = String(index);
    let next = null;
    for (const other of this.content.children) {
      if (Number(/** @type {HTMLElement} */ (other).dataset.index) > index) {
        next = other;
        break;
      }
    }
    this.content.insertBefore(row, next);
  }

  /** @param {number[]} indices */
  _measure(indices) {
    const anchor = this._anchor();
    let changed = false;
    for (const index of indices) {
      const height = this.shown.get(index)?.offsetHeight ?? 0;
      if (!height) continue;
      this._measured[index] = 1;
      if (Math.abs(height - this._heights[index]) > 0.5) {
        this._heights[index] = height;
        changed = true;
      }
    }
    if (!changed) return;
    this._sum();
    for (const [index, row] of this.shown) row.style.top = `${this._tops[index]}px`;
    // What is read stays where it is, although rows above it are higher than was thought.
    const wanted = this._tops[anchor.index] + anchor.below;
    if (Math.abs(wanted - this.scroller.scrollTop) > 1 && this.scroller.scrollTop > 0)
      this.scroller.scrollTop = wanted;
  }

  _anchor() {
    const index = this._rowAt(this.scroller.scrollTop);
    return { index, below: this.scroller.scrollTop - (this._tops[index] ?? 0) };
  }

  /** @param {number} y */
  _rowAt(y) {
    let [low, high] = [0, Math.max(0, this._heights.length - 1)];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this._tops[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  _sum() {
    this._tops = new Float64Array(this._heights.length + 1);
    for (let index = 0; index < this._heights.length; index++)
      this._tops[index + 1] = this._tops[index] + this._heights[index];
  }

  _later() {
    this._frame ||= requestAnimationFrame(() => {
      this._frame = 0;
      this.render();
    });
  }
}

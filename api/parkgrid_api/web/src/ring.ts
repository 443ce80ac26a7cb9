// The last so many values of a live line: memory does not grow with the time that a page is open.

export class Ring {
  private readonly at: Float64Array;
  private readonly values: Float64Array;
  private next = 0;
  private filled = 0;

  constructor(private readonly capacity: number) {
    this.at = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
  }

  get length(): number {
    return this.filled;
  }

  /** Add a value; one that is not newer than the last (an event sent again) changes nothing. */
  add(atMs: number, value: number): void {
    const last = this.filled ? this.at[(this.next + this.capacity - 1) % this.capacity] : -1;
    if (last !== undefined && atMs <= last) return;
    this.at[this.next] = atMs;
    this.values[this.next] = value;
    this.next = (this.next + 1) % this.capacity;
    this.filled = Math.min(this.filled + 1, this.capacity);
  }

  /** Oldest first. */
  read(): { at: number[]; values: number[] } {
    const start = (this.next + this.capacity - this.filled) % this.capacity;
    const order = Array.from({ length: this.filled }, (_, index) => (start + index) % this.capacity);
    return { at: order.map((index) => this.at[index] ?? 0), values: order.map((index) => this.values[index] ?? 0) };
  }
}

/** Level draws how loud the last seconds were, the newest at the right. */
export class Level {
  constructor(canvas) {
    this.canvas = canvas;
    this.levels = [];
  }

  /** add takes the root mean square of the next 100 ms. */
  add(level) {
    const decibels = 20 * Math.log10(level + 1e-6);
    this.levels.push(Math.max(0, Math.min(1, (decibels + 60) / 55))); // from -60 dB, a quiet room, to -5 dB
    if (this.levels.length > 200) this.levels.shift();
    this.draw();
  }

  clear() {
    this.levels = [];
    this.draw();
  }

  draw() {
    const { canvas } = this, scale = devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const context = canvas.getContext("2d"), step = 5;
    context.scale(scale, scale);
    const style = getComputedStyle(canvas);
    const count = Math.floor(width / step);
    for (let i = 0; i < count; i++) {
      const level = this.levels[this.levels.length - count + i];
      context.fillStyle = style.getPropertyValue(level === undefined ? "--line" : "--accent");
      const bar = Math.max(2, (level || 0) * height);
      context.fillRect(i * step, (height - bar) / 2, 2, bar);
    }
  }
}

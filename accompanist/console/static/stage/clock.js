// Where the song is, between two words of the daemon's: it runs on at the tempo, and is led gently to what is told.

const PPQ = 480;
const JUMP_TICKS = 480; // farther off than this it is another place
const PULL = 0.12; // of the difference, at each word

export class SongClock {
  #tick = 0;
  #atMs = 0;
  #perMs = 0;
  known = false;

  // A word: { running, tick, bpm }; where the song stands still it is taken as it is.
  hear(status, nowMs = performance.now()) {
    const shown = this.now(nowMs) ?? status.tick;
    const off = status.tick - shown;
    const perMs = status.running ? (status.bpm * PPQ) / 60000 : 0;
    this.#tick = !this.known || !status.running || Math.abs(off) > JUMP_TICKS ? status.tick : shown + off * PULL;
    this.#atMs = nowMs;
    this.#perMs = perMs;
    this.known = true;
  }

  lose() {
    this.known = false;
    this.#perMs = 0;
  }

  now(nowMs = performance.now()) {
    return this.known ? this.#tick + (nowMs - this.#atMs) * this.#perMs : null;
  }
}

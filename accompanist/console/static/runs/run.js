// The numbers of one run, kept up to date.

import { get } from "/static/shell/api.js";
import { live } from "/static/shell/live.js";

const MOST_POINTS = 6000; // of one curve; then it is fetched anew, thinned

export class Run {
  losses = new Map(); // name -> { step, epoch, value }
  rows = []; // sampled epochs
  data = {};
  verdict = "";

  constructor(name) {
    this.name = name;
    this.path = `/api/runs/${encodeURIComponent(name)}`;
  }

  take(told) {
    if (told.anew) {
      this.losses = new Map();
      this.rows = [];
    }
    for (const [name, [steps, epochs, values]] of Object.entries(told.losses)) {
      const curve = this.losses.get(name) ?? { step: [], epoch: [], value: [] };
      curve.step.push(...steps);
      curve.epoch.push(...epochs);
      curve.value.push(...values);
      this.losses.set(name, curve);
    }
    this.rows.push(...told.rows);
    this.data = told.data;
    this.verdict = told.verdict;
  }

  async fetch() {
    this.take(await get(`${this.path}/curves`));
    return this;
  }

  follow(changed, standing) {
    return live(`${this.path}/events`, {
      standing,
      curves: async (told) => {
        this.take(told);
        if ([...this.losses.values()].some((curve) => curve.step.length > MOST_POINTS)) await this.fetch();
        changed();
      },
    });
  }

  // A metric as a curve.
  metric(name) {
    const rows = this.rows.filter((row) => Number.isFinite(row.metrics[name]));
    return { step: rows.map((row) => row.step), epoch: rows.map((row) => row.epoch), value: rows.map((row) => row.metrics[name]) };
  }

  get metrics() {
    return [...new Set(this.rows.flatMap((row) => Object.keys(row.metrics)))];
  }
}

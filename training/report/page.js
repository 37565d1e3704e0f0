"use strict";
(() => {
  const look = {
    model: { borderColor: "#0072b2", borderWidth: 2 },
    people: { borderColor: "#d55e00", borderWidth: 2, borderDash: [7, 5], pointRadius: 0 },
    chance: { borderColor: "#8a919e", borderWidth: 2, borderDash: [2, 3], pointRadius: 0 },
    faint: { borderColor: "#0072b255", borderWidth: 1, pointRadius: 0 },
  };
  Chart.defaults.font.family = "system-ui, sans-serif";
  Chart.defaults.color = "#5d6675";
  Chart.defaults.animation = false;

  function draw(place, chart) {
    const box = place.appendChild(document.createElement("div"));
    box.className = "chart";
    box.appendChild(document.createElement("h4")).textContent = chart.title;
    const canvas = box.appendChild(document.createElement("div")).appendChild(document.createElement("canvas"));
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", chart.title);
    const datasets = chart.lines.map((line) => ({
      label: line.label,
      data: line.points.map(([x, y]) => ({ x, y })),
      showLine: true,
      pointRadius: line.points.length <= 60 && line.colour === "model" ? 2.5 : 0,
      pointHitRadius: 8,
      ...look[line.colour],
    }));
    // What is faint lies behind: the first dataset is drawn on top.
    datasets.reverse();
    const y = { grid: { color: "#edf0f4" }, ticks: { maxTicksLimit: 6 } };
    if (chart.low !== null) Object.assign(y, { min: chart.low, max: chart.high, ticks: { maxTicksLimit: 6, callback: plain } });
    if (datasets.every((set) => set.data.every((point) => point.y === 0))) Object.assign(y, { min: 0, max: 1 });
    const end = Math.max(...datasets.flatMap((set) => set.data.map((point) => point.x)));
    new Chart(canvas, {
      type: "scatter",
      data: { datasets },
      options: {
        maintainAspectRatio: false,
        parsing: false,
        interaction: { mode: "nearest", axis: "x", intersect: false },
        scales: { x: { min: 0, max: end || 1, grid: { display: false }, title: { display: true, text: "epoch" } }, y },
        plugins: { legend: { display: false }, tooltip: { callbacks: { label: told } } },
      },
    });
  }

  function plain(value) {
    return Number(value.toPrecision(3));
  }

  function told(item) {
    return `${item.dataset.label}: ${plain(item.parsed.y)} at epoch ${plain(item.parsed.x)}`;
  }

  const curves = JSON.parse(document.getElementById("curves").textContent);
  for (const place of document.querySelectorAll("[data-charts]")) {
    for (const chart of curves[place.dataset.charts]) draw(place, chart);
  }

  // One take at a time; another take of the same melody goes on where the last one was.
  let playing = null;
  for (const audio of document.querySelectorAll("audio")) {
    audio.addEventListener("play", () => {
      if (playing && playing !== audio) {
        const same = playing.closest(".takes") === audio.closest(".takes");
        if (same && !playing.paused) audio.currentTime = playing.currentTime;
        playing.pause();
      }
      playing = audio;
    });
  }

  const dialog = document.querySelector("dialog");
  dialog.addEventListener("click", () => dialog.close());
  for (const picture of document.querySelectorAll("figure img")) {
    picture.addEventListener("click", () => {
      Object.assign(dialog.querySelector("img"), { src: picture.src, alt: picture.alt });
      dialog.showModal();
    });
  }
})();

"use strict";
(() => {
  const { themes, figures } = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  // The buttons are listed: Plotly's own choice has one that would send the figure to a service.
  const options = { responsive: true, displaylogo: false, modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]] };
  let printing = false;

  const draw = (id, figure, bar = true) => {
    const place = document.getElementById(id);
    if (!place || !figure) return Promise.resolve();
    const template = dark.matches && !printing ? themes.dark : themes.light;
    return Plotly.react(place, figure.data, { ...figure.layout, template }, { ...options, displayModeBar: bar });
  };

  const chosen = () => Number(document.getElementById("instrument")?.value ?? 0);

  const drawAll = () =>
    Promise.all([
      draw("equity", figures.equity),
      draw("price", figures.prices[chosen()]),
      draw("monthly", figures.monthly, false),
    ]).then(() => {
      document.documentElement.dataset.drawn = dark.matches && !printing ? "dark" : "light";
    });

  const printed = (value) => () => {
    printing = value;
    drawAll();
  };

  document.getElementById("instrument")?.addEventListener("change", drawAll);
  dark.addEventListener("change", drawAll);
  window.addEventListener("beforeprint", printed(true));
  window.addEventListener("afterprint", printed(false));
  drawAll();
})();

"use strict";
(function () {
  var specs = JSON.parse(document.getElementById("specs").textContent);
  var failed = [];
  var waiting = Object.keys(specs).map(function (key) {
    var place = document.getElementById("chart-" + key);
    var options = { renderer: "svg", actions: false, ast: true, tooltip: { theme: "custom" } };
    return vegaEmbed(place, specs[key], options).catch(function (error) {
      failed.push(key);
      place.textContent = "This chart could not be drawn here; its numbers are in the table below.";
      console.error(key, error);
    });
  });
  Promise.all(waiting).then(function () {
    document.documentElement.dataset.charts = failed.length ? "failed" : "drawn";
  });
  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.prototype.filter.call(document.querySelectorAll("details"), function (one) { return !one.open; });
    opened.forEach(function (one) { one.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (one) { one.open = false; });
  });
})();

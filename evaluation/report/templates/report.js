"use strict";
(function () {
  var specs = JSON.parse(document.getElementById("specs").textContent);
  var failed = [];
  var main = document.getElementById("main");
  var open = function (every) { every.forEach(function (one) { one.open = true; }); };
  var reveal = function () {
    var found = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    for (var one = found || null; one; one = one.parentElement) { if (one.tagName === "DETAILS") { one.open = true; } }
  };
  if (location.hash === "#print") { open(document.querySelectorAll("details")); }
  window.addEventListener("hashchange", reveal);
  reveal();
  var waiting = Object.keys(specs).map(function (key) {
    var place = document.getElementById("chart-" + key);
    var options = { renderer: "svg", actions: false, ast: true, tooltip: { theme: "custom" } };
    var spec = specs[key];
    // A chapter that is closed has no width of its own; it is drawn all the same, so that it can be printed.
    if (!place.clientWidth) { spec = Object.assign({}, spec, { width: Math.min(main.clientWidth, 1000) }); }
    return vegaEmbed(place, spec, options).catch(function (error) {
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
    open(opened);
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (one) { one.open = false; });
  });
})();

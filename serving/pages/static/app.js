// What a page does beyond links and forms: light or dark without a reload, lists by keyboard, text to the clipboard.
// Every form works without it.
"use strict";
(() => {
  const root = document.documentElement;

  const isDark = () =>
    root.dataset.theme === "dark" ||
    (root.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);

  const nameSwitch = (button) => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.value = isDark() ? "light" : "dark";
  };

  const switchTheme = (event) => {
    const button = event.target.closest("[data-theme-switch]");
    if (!button) return;
    event.preventDefault();
    root.dataset.theme = isDark() ? "light" : "dark";
    document.cookie = `fw_theme=${root.dataset.theme}; Path=/; Max-Age=31536000; SameSite=Strict`;
    nameSwitch(button);
  };

  const openHelp = () => {
    const help = document.getElementById("help");
    if (help && !help.open) help.showModal();
  };

  const moveInList = (step) => {
    const lines = [...document.querySelectorAll("[data-list] [data-line]")];
    if (!lines.length) return;
    const at = lines.findIndex((line) => line.classList.contains("current"));
    const next = lines[Math.min(lines.length - 1, Math.max(0, at + step))];
    lines.forEach((line) => line.classList.toggle("current", line === next));
    const link = next.querySelector("a[href]");
    if (link) link.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };

  const isWriting = (target) => target.closest("input, select, textarea, dialog, [contenteditable]") !== null;

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
    if (event.key === "j") moveInList(1);
    else if (event.key === "k") moveInList(-1);
    else if (event.key === "?") openHelp();
    else if (event.key === "/") {
      const field = document.querySelector("[data-search]");
      if (!field) return;
      event.preventDefault();
      field.focus();
    }
  };

  const copyText = async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const from = document.getElementById(button.dataset.copy);
    if (!from) return;
    try {
      await navigator.clipboard.writeText(from.innerText);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(from);
      button.textContent = "Marked: press Ctrl+C";
    }
  };

  document.addEventListener("click", (event) => {
    switchTheme(event);
    copyText(event);
    if (event.target.closest("[data-help]")) openHelp();
  });
  document.addEventListener("keydown", onKey);
  document.querySelectorAll("[data-theme-switch]").forEach(nameSwitch);
})();

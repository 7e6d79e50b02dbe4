// A choice of SDK changes the height of every step, those above the reader
// among them. The tab that was chosen stays where it is on the screen.
(() => {
  let before = null;
  const label = (event) =>
    event.target.matches(".sd-tab-set > input") ? event.target.labels[0] : null;

  // Before sphinx-design lets the other steps follow, and after it.
  document.addEventListener("change", (event) => {
    before = label(event)?.getBoundingClientRect().top ?? null;
  }, true);
  document.addEventListener("change", (event) => {
    if (before === null) return;
    const moved = label(event).getBoundingClientRect().top - before;
    window.scrollBy({ top: moved, behavior: "instant" });
  });
})();

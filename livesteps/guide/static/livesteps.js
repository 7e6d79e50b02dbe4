// What the tabs of sphinx-design lack. It keeps the choice of an SDK and lets
// all steps follow; what is here runs after it.
(() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const labels = all(".sd-tab-set > label[data-sync-id]");
  const sets = [...new Set(labels.map((label) => label.parentElement))];
  const idOf = (label) => label.dataset.syncId;
  const labelsOf = (set) => labels.filter((label) => label.parentElement === set);
  const findable = "onbeforematch" in window;
  const url = new URL(location);
  const wanted = url.searchParams.get("sdk");
  const asked = labels.filter((label) => idOf(label) === wanted);

  const setAddress = () => history.replaceState(history.state, "", url);

  // A wrong choice in the address would take the place of the reader's own.
  if (labels.length && wanted !== null && !asked.length) {
    url.searchParams.delete("sdk");
    setAddress();
  }

  // What is not shown can be found in the page. The chosen tab is in sight, and
  // what is too wide can be scrolled by keys.
  const show = () => {
    for (const label of labels) {
      const panel = label.nextElementSibling;
      const chosen = label.control.checked;
      if (findable && chosen === panel.hasAttribute("hidden")) {
        chosen ? panel.removeAttribute("hidden") : panel.setAttribute("hidden", "until-found");
      }
    }
    const chosen = labels.filter((label) => label.control.checked);
    // All is measured before anything is changed: to measure what has changed
    // is to lay out the whole page again.
    const wide = all("article pre, .table-wrapper").filter((box) =>
      box.checkVisibility() && box.scrollWidth > box.clientWidth);
    for (const label of chosen) {
      const set = label.parentElement;
      set.scrollLeft = label.offsetLeft - (set.clientWidth - label.offsetWidth) / 2;
    }
    for (const label of chosen) {
      const menu = label.parentElement.querySelector("select");
      if (menu) menu.value = idOf(label);
    }
    for (const box of wide) box.tabIndex = 0;
  };

  // The tab in which something is, of this step alone.
  const open = (inside) => {
    const panel = inside?.closest(".sd-tab-content");
    if (!panel) return;
    panel.previousElementSibling.control.checked = true;
    show();
  };

  const goToHash = () => {
    show();
    document.getElementById(location.hash.slice(1))?.scrollIntoView({ behavior: "instant" });
  };

  // A choice changes the height of every step, those above the reader among
  // them. The tabs of which one was chosen stay where they are on the screen:
  // where they are is asked before the other steps follow.
  let before;
  const setOf = (event) => event.target.closest?.(".sd-tab-set");
  document.addEventListener("change", (event) => {
    before ??= setOf(event)?.getBoundingClientRect().top;
  }, true);
  document.addEventListener("change", (event) => {
    const set = setOf(event);
    if (!set) return;
    if (event.target.matches("select")) {
      labelsOf(set).find((label) => idOf(label) === event.target.value).control.click();
      return;
    }
    show();
    url.hash = location.hash;
    url.searchParams.set("sdk", idOf(event.target.labels[0]));
    setAddress();
    scrollBy({ top: set.getBoundingClientRect().top - before, behavior: "instant" });
    before = undefined;
  });

  document.addEventListener("beforematch", (event) => open(event.target));

  const copy = async (event) => {
    const button = event.target;
    const code = button.parentElement.querySelector("pre");
    const text = code.cloneNode(true);
    all(".gp, .go", text).forEach((part) => part.remove());
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const label of asked) label.control.checked = true;
    for (const set of sets) {
      const those = labelsOf(set);
      if (those.length < 5) continue;
      const menu = document.createElement("select");
      menu.ariaLabel = "SDK";
      menu.append(...those.map((label) => new Option(label.textContent.trim(), idOf(label))));
      set.prepend(menu);
    }
    for (const block of all("article .highlight")) {
      if (block.closest(".livesteps-output, .livesteps-folded")) continue;
      const button = document.createElement("button");
      button.className = "livesteps-copy";
      button.textContent = "Copy";
      button.ariaLive = "polite";
      button.onclick = copy;
      block.append(button);
    }
    location.hash ? goToHash() : show();
    addEventListener("hashchange", goToHash);
    addEventListener("resize", show);
    // Sphinx marks what was searched for a moment after the page is there.
    setTimeout(() => {
      const hits = all("article .highlighted");
      if (hits.length && !hits.some((hit) => hit.checkVisibility())) {
        open(hits[0]);
        hits[0].scrollIntoView({ behavior: "instant", block: "center" });
      }
    }, 50);
  });
})();

// The slice slider and the planes of a result's pictures. No build, no dependency.
// The server marks pictures "no-store": those seen are kept as elements of this page, nowhere else.
"use strict";

(() => {
  const MOST_KEPT = 600;
  const AHEAD = 2; // neighbours that are fetched before they are asked for
  const kept = new Map(); // address -> promise of a loaded <img>, oldest first

  function load(address) {
    if (!kept.has(address)) {
      const image = new Image();
      image.src = address;
      kept.set(address, image.decode().then(() => image));
      kept.get(address).catch(() => kept.delete(address));
      if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
    }
    return kept.get(address);
  }

  // One frame of one kind of picture: shows the cut that was asked for last.
  function makeFrame(viewer, stack, frame) {
    const first = frame.querySelector("img");
    const { kind } = first.dataset;
    const { plane } = stack.dataset;
    const words = first.alt.replace(/\d+ of \d+$/, "");
    const address = (index) =>
      `${viewer.dataset.address}/${kind}/${plane}/${index}.png?view=${viewer.dataset.view}`;
    let wanted = null;
    let busy = false;

    async function catchUp(last) {
      if (busy) return;
      busy = true;
      while (wanted !== null) {
        const index = wanted;
        try {
          const image = await load(address(index));
          image.alt = `${words}${index + 1} of ${last + 1}`;
          frame.replaceChildren(image);
        } catch {
          wanted = null; // logged out, or the view has expired: what is shown stays
        }
        if (wanted === index) {
          wanted = null;
          for (let near = index - AHEAD; near <= index + AHEAD; near += 1) {
            if (near >= 0 && near <= last) load(address(near)).catch(() => {});
          }
        }
      }
      busy = false;
    }

    return {
      show(index, last) {
        wanted = index;
        catchUp(last);
      },
      begin() {
        if (first.dataset.src) first.src = first.dataset.src;
        delete first.dataset.src;
      },
    };
  }

  function begin(viewer) {
    viewer.dataset.begun = "yes";
    const stacks = [...viewer.querySelectorAll(".stack")];
    const framesOf = new Map(
      stacks.map((stack) => [
        stack,
        [...stack.querySelectorAll(".frame")].map((frame) => makeFrame(viewer, stack, frame)),
      ]),
    );
    for (const stack of stacks) {
      const slider = stack.querySelector("input[type=range]");
      slider?.addEventListener("input", () => {
        const index = Number(slider.value);
        const last = Number(slider.max);
        stack.querySelector("output").value = `${index + 1} / ${last + 1}`;
        slider.setAttribute("aria-valuetext", `${index + 1} of ${last + 1}`);
        for (const frame of framesOf.get(stack)) frame.show(index, last);
      });
    }
    for (const choice of viewer.querySelectorAll(".planes input")) {
      choice.addEventListener("change", () => {
        for (const stack of stacks) {
          stack.hidden = stack.dataset.plane !== choice.value;
          if (!stack.hidden) for (const frame of framesOf.get(stack)) frame.begin();
        }
      });
    }
  }

  function beginAll() {
    for (const viewer of document.querySelectorAll(".viewer:not([data-begun])")) begin(viewer);
  }

  document.addEventListener("htmx:after:swap", beginAll);
  document.addEventListener("DOMContentLoaded", beginAll);
})();

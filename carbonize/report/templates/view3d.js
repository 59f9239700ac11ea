(() => {
  "use strict";
  const box = document.getElementById("turn");
  const stage = box.querySelector(".stage");
  const start = box.querySelector(".start");
  const said = box.querySelector(".said");
  const layers = [...box.querySelectorAll("input[data-objects]")];
  const poster = document.querySelector("img[data-poster]");
  let view = null;
  let camera = null;

  const bytes = (id) => {
    const text = atob(document.getElementById(id).textContent.trim());
    return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  };

  const inflate = async (packed) => {
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  };

  // the library names itself to a loader of modules; this is all the loader there is
  const load = (source) => {
    let library = null;
    const define = (name, needs, make) => { library = make(); };
    define.amd = {};
    new Function("define", source)(define);
    return library;
  };

  const still = (why) => {
    start.hidden = true;
    said.textContent = why;
  };

  const able = () => {
    const context = document.createElement("canvas").getContext("webgl2");
    const lose = context && context.getExtension("WEBGL_lose_context");
    if (lose) lose.loseContext();
    return Boolean(context) && typeof DecompressionStream === "function";
  };

  const show = () => {
    if (!view) return;
    const objects = view.getWorld().ObjectsById;
    layers.forEach((layer) => JSON.parse(layer.dataset.objects).forEach((id) => {
      if (objects[id]) objects[id].visible = layer.checked;
    }));
    view.render();
  };

  const run = async () => {
    start.disabled = true;
    start.textContent = "one moment …";
    try {
      const library = load(await inflate(bytes("turn-library")));
      const target = document.createElement("div");
      target.className = "target";
      stage.append(target);
      view = await library.CreateK3DAndLoadBinarySnapshot(bytes("turn-scene"), target);
      camera = view.parameters.camera ? [...view.parameters.camera] : null;
      show();
      box.classList.add("running");
      said.textContent = "Drag to turn, scroll or pinch to come nearer, drag with the right button or two fingers to move.";
      box.dataset.state = "running";
    } catch (error) {
      view = null;
      stage.querySelectorAll(".target").forEach((target) => target.remove());
      still("The 3-D view could not start in this browser (" + error.message + "), so the picture stands still.");
      box.dataset.state = "failed";
    }
  };

  box.hidden = false;
  if (poster) {
    const image = document.createElement("img");
    image.src = poster.src;
    image.alt = poster.alt;
    stage.prepend(image);
  }
  if (!able()) {
    still("This browser has no WebGL 2, so the picture stands still.");
    box.dataset.state = "still";
    return;
  }
  box.dataset.state = "ready";
  start.addEventListener("click", run);
  layers.forEach((layer) => layer.addEventListener("change", show));
  box.querySelector(".reset").addEventListener("click", () => {
    if (view && camera) view.setCamera(camera);
  });
})();

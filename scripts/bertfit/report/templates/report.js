"use strict";
// Data is inserted as text, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const dialog = document.getElementById("detail");
const body = document.getElementById("detail-body");

function el(name, attributes, ...children) {
  const svg = ["svg", "path", "text", "circle"].includes(name);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  node.append(...children.flat(Infinity).filter((child) => child !== null).map((child) => child.nodeType ? child : String(child)));
  return node;
}
const number = (value, digits = 2) => value === null ? "–" : value.toFixed(digits);
const link = (href, text) => el("a", { href }, text);
const file = (path) => path.split("/").map(encodeURIComponent).join("/");
function shown(value) {
  if (value === null) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

// `texts`: the columns that are not numbers.
function table(head, rows, label, texts = []) {
  const kind = (place) => texts.includes(place) ? { class: "text" } : {};
  const cells = (row) => row.map((cell, place) => place ? el("td", kind(place), cell) : el("th", { scope: "row" }, cell));
  return el("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, el("table", {},
    el("thead", {}, el("tr", {}, head.map((text, place) => el("th", { scope: "col", ...kind(place) }, text)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, cells(row))))));
}
const pairs = (values) => el("dl", { class: "pairs" },
  Object.entries(values).map(([key, value]) => el("div", {}, el("dt", {}, key), el("dd", {}, value))));
const more = (title, ...content) => el("details", {}, el("summary", {}, title), content);

// ------------------------------------------------------------------------------------------------ curves

// `lines`: [{name, x, y, seed, dashed}]. Linear axes from 0 or the lowest value to the highest.
function chart(title, lines) {
  lines = lines.filter((line) => line.y && line.y.some((value) => value !== null));
  if (!lines.length) return null;
  const [width, height, left, bottom] = [460, 190, 46, 24];
  const values = lines.flatMap((line) => line.y).filter((value) => value !== null);
  const right = Math.max(...lines.flatMap((line) => line.x), 1), low = Math.min(0, ...values), high = Math.max(...values) || 1;
  const x = (value) => left + value / right * (width - left - 12);
  const y = (value) => 10 + (high - value) / (high - low) * (height - bottom - 10);
  const ticks = [low, (low + high) / 2, high].map((value) => [
    el("path", { class: "grid", d: `M${left} ${y(value)}H${width - 12}` }),
    el("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, String(+value.toPrecision(3)))]);
  const drawn = lines.map((line) => {
    const points = line.x.map((step, place) => [step, line.y[place]]).filter((point) => point[1] !== null);
    const style = `line s${line.seed % 6}${line.dashed ? " dashed" : ""}`;
    return [el("path", { class: style, d: "M" + points.map((point) => `${x(point[0]).toFixed(1)} ${y(point[1]).toFixed(1)}`).join("L") }),
      points.length > 20 ? [] : points.map((point) => el("circle", { class: style, cx: x(point[0]).toFixed(1), cy: y(point[1]).toFixed(1), r: 2.5 }))];
  });
  const ends = lines.map((line) => { const known = line.y.filter((value) => value !== null); return `${line.name}: ${known[0]} to ${known.at(-1)}`; });
  return el("figure", { class: "chart" },
    el("figcaption", {}, title, lines.filter((line) => !line.dashed).map((line) => el("span", { class: `key s${line.seed % 6}` }, line.name))),
    el("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}. ${ends.join("; ")}` }, ticks, drawn,
      el("text", { x: left, y: height - 6 }, "0"), el("text", { x: width - 12, y: height - 6, "text-anchor": "end" }, `${right} steps`)));
}
function charts(curves, prefix) {
  const names = Object.keys(curves);
  const of = (column, dashed) => names.map((name, seed) => (
    { name: `${prefix}${name}${dashed ? `, ${dashed}` : ""}`, x: curves[name].step, y: curves[name][column], seed, dashed }));
  const heldOut = names.some((name) => curves[name].held_out_mlm_loss);
  return el("div", { class: "charts" },
    chart(`Loss${heldOut ? "; dashed: held-out text" : ""}`, [...of("loss", ""), ...of("held_out_mlm_loss", "held-out")]),
    chart("Test error (%); dashed: training", [...of("test_error", ""), ...of("train_error", "training")]));
}

// ------------------------------------------------------------------------------------------------ details

// `files`: names of files in the job's folder; the links are relative to the results folder.
function record(job, files) {
  const machine = data.machines[job.machine];
  return pairs({
    Folder: [files.map((name, place) => [place ? ", " : "", link(file(`${job.path}/${name}`), name)]), ` in ${job.path}`].flat(2),
    ...(job.contributor ? { Contributor: job.contributor } : {}),
    Time: job.time,
    "Word pieces": job.word_pieces,
    "Peak memory": job.memory,
    ...(job.energy ? { Energy: job.energy } : {}),
    ...(job.classifier ? { Classifier: job.classifier } : {}),
    Machine: `${machine.device}, ${machine.system}`,
    Versions: Object.entries(data.versions[job.versions]).map((pair) => pair.join(" ")).join(", "),
    Code: job.code,
    Inputs: Object.entries(job.inputs).map(([name, digest]) => `${name} ${digest}…`).join(", "),
  });
}

function mistakes(run) {
  const classes = data.classes[run.corpus] || [], texts = data.texts[run.corpus];
  const share = `The mean probabilities of all seeds misclassify ${run.wrong} of ${run.n} test examples.`;
  if (!run.mistakes.length) return el("p", {}, share);
  const name = (label) => classes[label] ?? String(label);
  const rows = run.mistakes.map(([example, label, predicted, sure, wrong]) => [
    String(example), name(label), name(predicted), sure.toFixed(3), `${wrong} of ${run.seeds.length}`,
    ...(texts ? [el("q", {}, texts[example])] : [])]);
  const head = ["Example", "Label", "Predicted", "Confidence", "Seeds wrong", ...(texts ? ["Text"] : [])];
  return [el("p", {}, `${share} The most confident errors${texts ? "" : ", by row in the test set, from 0 (texts of this corpus are not shown for licence reasons)"}:`),
    table(head, rows, "Most confident errors", [1, 2, 5])];
}

function diverged(run) {
  const seeds = Object.entries(run.diverged).map(([seed, step]) => `seed ${seed} at step ${step}`).join(", ");
  return seeds ? [el("p", {}, `Training diverged: ${seeds}. The last errors of these are those of always guessing the most frequent class of the training split.`)] : [];
}

function openRun(address) {
  const run = data.runs[address];
  const whole = run.stage === "baseline" ? {} : Object.fromEntries(Object.entries({ ...data.default, ...run.differs }).map(([key, value]) => [key, shown(value)]));
  const differs = Object.entries(run.differs).map(([key, value]) => `${key} = ${shown(value)}`).join(", ") || "nothing: the default recipe";
  body.replaceChildren(
    el("h2", { id: "detail-title" }, `${run.corpus} / ${run.encoder} / ${run.recipe}`),
    pairs({
      Error: `${number(run.mean)} %${run.std === null ? "" : ` ± ${number(run.std)}`} at the last epoch (95 % interval ${number(run.low)} to ${number(run.high)}), ${number(run.best)} % at the best`,
      Encoder: run.starts.length ? run.starts.map((name, place) => [place ? ", " : "", data.encoders[name] ? link(`#encoder/${name}`, name) : name]).flat() : run.encoder,
      ...(run.stage === "baseline" ? {} : { "Differs from the default in": differs }),
      "Shown in": run.shown_in.map((key, place) => [place ? ", " : "", link(`#${key}`, data.titles[key])]).flat(),
    }),
    charts(run.curves, "seed "),
    el("h3", {}, "Seeds"),
    table(["Seed", "Last step", "Error (%)", "Macro-F1", "Matthews", "Best step", "Error (%)"], run.seeds.map((row) => [
      row[0], row[1], number(row[2]), number(row[3], 4), number(row[4], 4), row[5], number(row[6])]), "Seeds"),
    ...diverged(run),
    el("h3", {}, "Most confident errors"), ...[mistakes(run)].flat(),
    ...(run.stage === "baseline" ? [] : [more("All hyperparameters of the recipe", pairs(whole))]),
    el("h3", {}, "How to reproduce it"), ...run.jobs.map((job) => record(job, ["run.json", "history.csv", "predictions.parquet"])));
}

function openEncoder(name) {
  const encoder = data.encoders[name];
  const values = Object.fromEntries(Object.entries(encoder.values).map(([key, value]) => [key, shown(value)]));
  const heldOut = encoder.held_out;
  body.replaceChildren(...[
    el("h2", { id: "detail-title" }, name),
    pairs({
      Base: encoder.title,
      "Last stage": encoder.stage + (encoder.mix ? ` on ${encoder.mix}` : "") + (encoder.seed === null ? "" : `, seed ${encoder.seed}`),
      ...(encoder.parent ? { "Initialised from": link(`#encoder/${encoder.parent}`, encoder.parent) } : {}),
      ...(encoder.saved_from ? { "Checkpoint of": link(`#encoder/${encoder.saved_from}`, encoder.saved_from) } : {}),
      ...(heldOut ? { "Loss on held-out text": `${number(heldOut.before, 3)} before, ${number(heldOut.after, 3)} after` } : {}),
    }),
    charts(encoder.curves, ""),
    more("All hyperparameters of the last stage", pairs(values)),
    el("h3", {}, "Runs that start from it"),
    el("ul", {}, Object.keys(data.runs).filter((key) => data.runs[key].encoder === name).map((key) => el("li", {}, link(`#run/${key}`, key)))),
    el("h3", {}, "How to reproduce it"), record(encoder.job, encoder.stage === "fetched" ? ["run.json"] : ["run.json", "history.csv"])].filter(Boolean));
}

// ------------------------------------------------------------------------------------------------ links to runs and encoders

function route() {
  const [, kind, name] = decodeURIComponent(location.hash).match(/^#(run|encoder)\/(.+)$/) || [];
  const known = kind === "run" ? data.runs : data.encoders;
  if (!kind || !Object.hasOwn(known, name)) return dialog.open && dialog.close();
  (kind === "run" ? openRun : openEncoder)(name);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  body.focus({ preventScroll: true });
}
dialog.addEventListener("close", () => {
  if (/^#(run|encoder)\//.test(location.hash)) history.replaceState(null, "", location.pathname + location.search);
});
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
addEventListener("hashchange", route);
// a link to a collapsed verdict or section opens it
addEventListener("hashchange", () => { const at = document.getElementById(location.hash.slice(1)); if (at?.tagName === "DETAILS") at.open = true; });

// ------------------------------------------------------------------------------------------------ the table of runs

const rows = [...document.querySelectorAll("#run-table tbody tr")];
const heads = [...document.querySelectorAll("#run-table thead th")];
const [words, corpus, artefact] = ["words", "corpus", "artefact"].map((id) => document.getElementById(id));

function filter() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !(wanted.every((word) => text.includes(word))
      && (!corpus.value || row.dataset.corpus === corpus.value)
      && (!artefact.value || row.dataset.artefacts.split(" ").includes(artefact.value)));
  }
  const left = rows.filter((row) => !row.hidden).length;
  document.getElementById("count").textContent = left === rows.length ? `${left} runs` : `${left} of ${rows.length} runs`;
}
function sort(place) {
  const falling = heads[place].getAttribute("aria-sort") === "ascending";
  const value = (row) => row.cells[place].dataset.sort;
  const numeric = rows.every((row) => !isNaN(value(row)));
  const missing = (row) => numeric && value(row) === "";
  const compare = (a, b) => numeric ? value(a) - value(b) : value(a).localeCompare(value(b), "en", { numeric: true });
  const sorted = [...rows].sort((a, b) => missing(a) - missing(b) || (falling ? -1 : 1) * compare(a, b));
  document.querySelector("#run-table tbody").append(...sorted);
  heads.forEach((head, other) => other === place ? head.setAttribute("aria-sort", falling ? "descending" : "ascending") : head.removeAttribute("aria-sort"));
}
for (const control of [words, corpus, artefact]) for (const event of ["input", "change"]) control.addEventListener(event, filter);
words.form.addEventListener("submit", (event) => event.preventDefault());
heads.forEach((head, place) => head.querySelector("button").addEventListener("click", () => sort(place)));
filter();
route();

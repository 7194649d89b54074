// The report: lines in the script's order, played one after the other, judged by key; verdicts stay in the browser, and
// leave it as a file. Of a long script so many lines stand in the page at once, as a browser shows quickly.
"use strict";
const report = JSON.parse(document.getElementById("data").textContent);
const rows = report.rows, STEP = 200, CHOICES = ["accept", "redo"];
const at = id => document.getElementById(id);
const player = at("player");
const byLine = new Map(rows.map((row, index) => [row.line, index]));
let matching = rows, start = 0, selected = 0, playing = null;

function add(parent, tag, text, name) {
  const made = parent.appendChild(document.createElement(tag));
  if (text !== undefined && text !== null) made.textContent = text;
  if (name) made.className = name;
  return made;
}
function addButton(parent, text, label, click, pressed) {
  const button = add(parent, "button", text);
  button.type = "button";
  button.setAttribute("aria-label", label);
  if (pressed !== undefined) button.setAttribute("aria-pressed", String(pressed));
  button.addEventListener("click", click);
  return button;
}
function complain(text) { at("problem").textContent = text; at("problem").hidden = !text; }
function announce(text) { at("said").textContent = text; }

// Takes: the line's own, and its others, by number.
function findTakes(row) {
  const own = row.sha256 ? [{take: row.take || 1, audio: row.audio, sha256: row.sha256, seconds: row.seconds, own: true}] : [];
  const others = (row.takes || []).filter(each => each.take !== (row.take || 1));
  return [...own, ...others].sort((one, other) => one.take - other.take);
}
const takes = new Map(rows.map(row => [row, findTakes(row)]));
function takesOf(row) { return takes.get(row); }

// Verdicts: those of the file that lay beside the script, and over them those that were given here.
const KEY = "chirp-worker.verdicts." + report.id, NAME = "chirp-worker.name";
const given = new Map();
function store(action) {
  try { return action(window.localStorage); }
  catch (error) { complain("This browser keeps no verdicts (" + error.name + "): export them before you close the page."); return null; }
}
function isOf(row, sha256) { return !sha256 || takesOf(row).some(each => each.sha256.startsWith(sha256)); }
function said(row) { return given.has(row.line) ? given.get(row.line) : row.verdict || null; }
// What was said of a take that the line no longer has is no verdict any more, and is shown as such.
function verdictOf(row) { const found = said(row); return found && isOf(row, found.sha256) ? found : null; }
function earlierOf(row) { const found = said(row); return found && !isOf(row, found.sha256) ? found : null; }
function load() {
  at("by").value = store(kept => kept.getItem(NAME)) || "";
  let entries = [];
  try { entries = Object.entries(JSON.parse(store(kept => kept.getItem(KEY)) || "{}")); } catch { /* another program's */ }
  for (const [line, each] of entries) {
    if (!byLine.has(line)) continue;
    if (each === null) { given.set(line, null); continue; }
    const [verdict, note, take, sha256, by, time] = each;
    given.set(line, {verdict, note, take, sha256, by, at: time});
  }
}
let keeping = 0;
function keep() {
  // Of a long script that takes a tenth of a second: not while keys are pressed, but before the page goes.
  clearTimeout(keeping);
  keeping = setTimeout(keepNow, 300);
}
function keepNow() {
  if (!keeping) return;
  clearTimeout(keeping);
  keeping = 0;
  // A browser keeps some five million characters: of a hash its beginning is enough.
  const packed = {};
  for (const [line, each] of given) {
    packed[line] = each && [each.verdict, each.note, each.take, (each.sha256 || "").slice(0, 16), each.by, each.at];
  }
  store(kept => kept.setItem(KEY, JSON.stringify(packed)));
}
function say(row, change) {
  const before = verdictOf(row) || {}, after = {...before, ...change};
  const take = takesOf(row).find(each => after.take ? each.take === after.take : each.own);
  if (!after.verdict && !after.note && !after.take) given.set(row.line, null);
  else given.set(row.line, {...after, sha256: take ? take.sha256 : "", by: at("by").value.trim(), at: new Date().toISOString()});
  keep();
  redraw(row);
  count();
  const now = verdictOf(row);
  announce(row.line + ": " + (now ? [now.verdict, now.take && "take " + now.take, now.note].filter(Boolean).join(", ") : "no verdict"));
}
function judge(row, verdict) { say(row, {verdict: verdictOf(row)?.verdict === verdict ? null : verdict}); }
function choose(row, number) {
  const take = takesOf(row).find(each => each.take === number);
  if (!take) return;
  const was = verdictOf(row)?.take === number;
  say(row, {take: was ? null : number});
  if (!was && take.audio) play(row, take);
}
async function writeNote(row) {
  const dialog = at("note");
  if (dialog.open) return;
  at("note-line").textContent = row.line;
  at("note-text").value = verdictOf(row)?.note || "";
  dialog.returnValue = "";
  dialog.showModal();
  at("note-text").focus();
  await new Promise(resolve => dialog.addEventListener("close", resolve, {once: true}));
  if (dialog.returnValue === "keep") say(row, {note: at("note-text").value.trim()});
  focusSelected();
}
function exported() {
  const verdicts = [];
  for (const row of rows) {
    const found = verdictOf(row);
    if (!found) continue;
    const one = {line: row.line};
    for (const name of ["verdict", "note", "take", "by", "at"]) if (found[name]) one[name] = found[name];
    const heard = takesOf(row).find(each => found.sha256 && each.sha256.startsWith(found.sha256));
    if (heard) one.sha256 = heard.sha256;
    verdicts.push(one);
  }
  return JSON.stringify({script: report.script, verdicts}, null, 1) + "\n";
}
function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([exported()], {type: "application/json"}));
  link.download = report.script + ".verdicts.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
function wrongOf(each) {
  if (typeof each !== "object" || each === null || typeof each.line !== "string") return "line";
  if (each.verdict !== undefined && each.verdict !== null && !CHOICES.includes(each.verdict)) return "verdict";
  for (const name of ["note", "sha256", "by", "at"]) if (each[name] != null && typeof each[name] !== "string") return name;
  return each.take != null && !Number.isInteger(each.take) ? "take" : null;
}
async function take(file) {
  let found;
  try {
    if (file.size > 64 * 2 ** 20) throw new Error("it is larger than 64 MiB");
    found = JSON.parse(await file.text()).verdicts;
    if (!Array.isArray(found)) throw new Error("it has no list of verdicts");
    found.forEach((each, index) => {
      const wrong = wrongOf(each);
      if (wrong) throw new Error("verdicts." + index + "." + wrong + " is wrong");
    });
  } catch (error) { complain(file.name + " is no file of verdicts: " + error.message); return; }
  let taken = 0, older = 0, unknown = 0;
  for (const each of found) {
    const row = rows[byLine.get(each.line)];
    if (!row) { unknown += 1; continue; }
    const present = said(row);
    if (present && (present.at || "") > (each.at || "")) { older += 1; continue; }
    given.set(each.line, {verdict: each.verdict, note: each.note, take: each.take, sha256: each.sha256, by: each.by, at: each.at});
    taken += 1;
  }
  keep();
  complain("");
  draw();
  count();
  announce(`${taken} verdicts imported, ${older} older than those here, ${unknown} of lines that this script doesn't have`);
  at("shown").textContent += ", " + at("said").textContent;
}

// Playing.
function play(row, take) {
  if (!take || !take.audio) return;
  player.src = take.audio;
  player.play().catch(() => {});
  playing = {row, take};
  at("now").textContent = row.line + (takesOf(row).length > 1 ? ", take " + take.take : "");
}
function ownTake(row) {
  const chosen = verdictOf(row)?.take, all = takesOf(row);
  return all.find(each => chosen && each.take === chosen && each.audio) || all.find(each => each.own);
}
function playSelected() {
  const row = matching[selected];
  if (!row) return;
  if (playing && playing.row === row && player.currentSrc && !player.ended) {
    if (player.paused) player.play().catch(() => {}); else player.pause();
  } else play(row, ownTake(row));
}
function playFrom(index) {
  for (let next = index; next < matching.length; next += 1) {
    if (ownTake(matching[next])?.audio) { select(next); play(matching[next], ownTake(matching[next])); return; }
  }
}
player.addEventListener("ended", () => {
  const row = matching[selected];
  // After another take of the line nothing goes on: it is being compared.
  if (at("auto").checked && playing && playing.row === row && playing.take.sha256 === ownTake(row)?.sha256) playFrom(selected + 1);
});

// Rows.
function drawLine(row, index) {
  const line = document.createElement("tr");
  line.tabIndex = -1;
  line.dataset.index = index;
  if (index === selected) line.setAttribute("aria-current", "true");
  const cell = add(line, "td"), ownTakes = takesOf(row), verdict = verdictOf(row);
  if (row.audio) addButton(cell, "\u25b6", "play " + row.line, () => { select(index); play(row, ownTake(row)); });
  const name = add(line, "th", undefined, "line");
  name.scope = "row";
  add(name, "a", row.line).href = "#line=" + encodeURIComponent(row.line);
  add(name, "span", row.character, "muted");
  const text = add(line, "td", undefined, "text");
  add(text, "span", row.text).lang = row.language || "";
  for (const each of row.outliers || []) add(text, "span", "\u26a0 " + each, "muted warn");
  for (const [severity, message] of row.findings || []) add(text, "span", severity + ": " + message, "muted " + (severity === "error" ? "bad" : ""));
  if (ownTakes.length > 1) {
    const listed = add(text, "div", undefined, "takes");
    for (const each of ownTakes) {
      const one = add(listed, "span");
      const play_it = addButton(one, "\u25b6 " + each.take, `play take ${each.take} of ${row.line}`, () => { select(index); play(row, each); });
      play_it.disabled = !each.audio;
      one.append(" ");
      addButton(one, each.own ? "use (now)" : "use", `use take ${each.take} of ${row.line}`, () => { select(index); choose(row, each.take); },
        verdict?.take === each.take);
    }
  }
  const voice = add(line, "td", undefined, "voice");
  add(voice, "span", row.model || "");
  if (row.voice) add(voice, "span", row.take > 1 ? row.voice + ", take " + row.take : row.voice, "muted");
  const problem = [row.status !== "done" && row.status, row.fallback && "by WaveNet instead of Chirp", row.error, row.other && "another file lies in its place"];
  if (problem.some(Boolean)) add(voice, "span", problem.filter(Boolean).join(": "), "muted bad");
  add(line, "td", row.seconds === undefined ? "" : row.seconds.toFixed(2), "number");
  drawVerdict(add(line, "td", undefined, "said"), row, index, verdict);
  return line;
}
function drawVerdict(cell, row, index, verdict) {
  const buttons = add(cell, "div", undefined, "buttons");
  for (const each of CHOICES) {
    addButton(buttons, each, each + " " + row.line, () => { select(index); judge(row, each); }, verdict?.verdict === each);
  }
  addButton(buttons, "note", "note on " + row.line, () => { select(index); writeNote(row); });
  if (verdict?.note) add(cell, "span", "\u201c" + verdict.note + "\u201d", "muted");
  if (verdict) add(cell, "span", [verdict.by, (verdict.at || "").slice(0, 16).replace("T", " ")].filter(Boolean).join(", "), "muted");
  const earlier = earlierOf(row);
  if (earlier) add(cell, "span", "of an earlier take: " + [earlier.verdict, earlier.note].filter(Boolean).join(", "), "muted");
}
function sceneOf(row) { return row.scene || ""; }
function draw() {
  const table = at("rows");
  for (const body of [...table.tBodies]) body.remove();
  const end = Math.min(start + STEP, matching.length), anyScene = rows.some(row => row.scene);
  let body = null;
  for (let index = start; index < end; index += 1) {
    const row = matching[index];
    if (body === null || (anyScene && sceneOf(row) !== sceneOf(matching[index - 1]))) {
      body = add(table, "tbody");
      if (anyScene) drawScene(body, row, index);
    }
    body.append(drawLine(row, index));
  }
  const shown = matching.length ? `${(start + 1).toLocaleString()} to ${end.toLocaleString()} of ${matching.length.toLocaleString()} lines` : "no lines";
  at("shown").textContent = shown + (matching.length < rows.length ? ` (of ${rows.length.toLocaleString()} in all)` : "");
  at("previous").disabled = start === 0;
  at("next").disabled = end >= matching.length;
}
function drawScene(body, row, index) {
  const header = add(body, "tr", undefined, "scene"), name = add(header, "th", sceneOf(row) || "without a scene");
  name.scope = "rowgroup";
  name.colSpan = 6;
  addButton(name, "play the scene", "play the scene " + (sceneOf(row) || "without a name"), () => { at("auto").checked = true; playFrom(index); });
}
function redraw(row) {
  const index = matching.indexOf(row), old = document.querySelector(`tr[data-index="${index}"]`);
  if (old === null) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  const made = drawLine(row, index);
  old.replaceWith(made);
  if (focused) [...made.querySelectorAll("button")].find(each => each.getAttribute("aria-label") === focused)?.focus({preventScroll: true});
}
function select(index, focus = false) {
  if (index < 0 || index >= matching.length) return;
  document.querySelector("tr[aria-current]")?.removeAttribute("aria-current");
  selected = index;
  if (index < start || index >= start + STEP) { start = Math.floor(index / STEP) * STEP; draw(); }
  const line = document.querySelector(`tr[data-index="${index}"]`);
  line.setAttribute("aria-current", "true");
  line.scrollIntoView({block: "nearest"});
  if (focus) line.focus({preventScroll: true});
  history.replaceState(null, "", "#line=" + encodeURIComponent(matching[index].line));
}
function focusSelected() { document.querySelector("tr[aria-current]")?.focus({preventScroll: true}); }
const SHOWS = {
  open: row => row.status === "done" && !verdictOf(row)?.verdict, redo: row => verdictOf(row)?.verdict === "redo",
  accept: row => verdictOf(row)?.verdict === "accept", note: row => Boolean(verdictOf(row)?.note),
  outlier: row => Boolean(row.outliers), finding: row => Boolean(row.findings), fallback: row => Boolean(row.fallback),
};
function filter() {
  const words = at("words").value.toLowerCase(), one = id => at(id).value, shows = SHOWS[one("show")];
  matching = rows.filter(row =>
    (!words || [row.line, row.text, row.voice].some(each => (each || "").toLowerCase().includes(words)))
    && (!one("character") || row.character === one("character")) && (!one("model") || row.model === one("model"))
    && (!one("status") || row.status === one("status")) && (!shows || shows(row)));
  start = selected = 0;
  draw();
}
function count() {
  const number = test => rows.filter(test).length.toLocaleString();
  const minutes = (rows.reduce((sum, row) => sum + (row.seconds || 0), 0) / 60).toFixed(1);
  const dollars = report.money.reduce((sum, each) => sum + each.usd, 0).toFixed(2);
  at("totals").replaceChildren();
  for (const [name, value] of [
    ["lines", rows.length.toLocaleString()], ["without audio", number(row => row.status !== "done")], ["minutes", minutes],
    ["by WaveNet instead of Chirp", number(row => row.fallback)], ["outliers", number(row => row.outliers)],
    ["USD", dollars], ["accepted", number(SHOWS.accept)], ["to redo", number(SHOWS.redo)], ["without verdict", number(SHOWS.open)],
  ]) { const total = add(at("totals"), "span"); add(total, "b", value); total.append(" " + name); }
}
function goToHash() {
  const line = new URLSearchParams(location.hash.slice(1)).get("line");
  if (line === null) return;
  if (!byLine.has(line)) { complain("This script has no line " + line + "."); return; }
  let index = matching.indexOf(rows[byLine.get(line)]);
  if (index < 0) {
    for (const id of FILTERS) at(id).value = "";
    filter();
    index = byLine.get(line);
  }
  select(index, true);
}
const KEYS = {
  " ": playSelected, a: () => judge(matching[selected], "accept"), r: () => judge(matching[selected], "redo"),
  n: () => writeNote(matching[selected]), j: () => select(selected + 1, true), k: () => select(selected - 1, true),
  ArrowDown: () => select(selected + 1, true), ArrowUp: () => select(selected - 1, true), "/": () => at("words").focus(),
};
document.addEventListener("keydown", event => {
  const focused = document.activeElement;
  if (event.ctrlKey || event.metaKey || event.altKey || at("note").open || focused.matches("input, select, textarea, audio")) return;
  // A button that was reached by keyboard is pressed by space, as everywhere.
  if (event.key === " " && focused.matches("button:focus-visible, summary, a")) return;
  const digit = /^[1-9]$/.test(event.key) ? Number(event.key) : 0;
  const action = digit ? () => choose(matching[selected], digit) : KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  if (matching[selected]) action();
});

const FILTERS = ["words", "show", "character", "model", "status"];
function options(id, values) { for (const value of [...new Set(values)].sort()) add(at(id), "option", value); }
options("character", rows.map(row => row.character));
options("status", rows.map(row => row.status));
for (const each of report.money) {
  const line = add(at("money").tBodies[0], "tr");
  add(line, "th", each.character).scope = "row";
  for (const value of [each.lines, each["chirp3-hd"], each.wavenet]) add(line, "td", value.toLocaleString(), "number");
  add(line, "td", each.usd.toFixed(4), "number");
}
for (const id of FILTERS) at(id).addEventListener("input", filter);
at("by").addEventListener("change", () => store(kept => kept.setItem(NAME, at("by").value.trim())));
at("previous").addEventListener("click", () => select(Math.max(0, start - STEP), true));
at("next").addEventListener("click", () => select(start + STEP, true));
at("play-next").addEventListener("click", () => playFrom(playing && playing.row === matching[selected] ? selected + 1 : selected));
at("export").addEventListener("click", download);
at("import").addEventListener("change", async () => { for (const file of at("import").files) await take(file); at("import").value = ""; });
window.addEventListener("hashchange", goToHash);
window.addEventListener("pagehide", keepNow);
document.addEventListener("visibilitychange", keepNow);
load();
filter();
count();
goToHash();


"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const rows = data.rows.map((values, number) => {
    const row = { number };
    data.fields.forEach((field, place) => { row[field] = values[place]; });
    row.text = [row.source, row.verdict, ...row.reasons, row.hint, ...row.notes, ...row.statuses]
      .join(" ").toLowerCase();
    return row;
  });
  const VERDICTS = ["PASS", "REVIEW", "FAIL"];
  const WORST_FIRST = { FAIL: 0, REVIEW: 1, PASS: 2 };
  const natural = new Intl.Collator("en", { numeric: true });
  const state = { column: "image", step: 1, page: 0, verdict: "", current: null, whole: false };

  // Text gets in as text only: names and reasons may hold anything.
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  };
  const drawn = (tag, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
  const shown = (value, digits) => {
    if (value === null) return "";
    return digits === 0 ? grouped.format(value) : value.toFixed(digits);
  };

  const noPicture = (row) => {
    if (row.verdict === "REVIEW") return "awaits review: not shown here";
    return row.verdict === "FAIL" ? "nothing was written" : "no picture of this head";
  };
  const imageCell = (row) => {
    const picture = row.thumbnail
      ? make("img", { src: row.thumbnail, alt: "The defaced head from four sides:", loading: state.whole ? "eager" : "lazy", width: 200, height: 66 })
      : make("span", { class: "none" }, noPicture(row));
    return make(row.link ? "a" : "span", { href: row.link || null }, picture, make("span", { class: "name" }, row.name));
  };
  const whyCell = (row) => {
    const parts = row.reasons.map((reason) => make("p", {}, reason));
    if (row.hint) parts.push(make("p", { class: "hint" }, row.hint));
    if (row.notes.length) {
      const title = `${row.notes.length} note${row.notes.length > 1 ? "s" : ""}`;
      const list = make("ul", {}, ...row.notes.map((note) => make("li", {}, note)));
      parts.push(make("details", { open: state.whole }, make("summary", {}, title), list));
    }
    return parts;
  };
  const at = (text, where) => (where ? [text, make("span", { class: "at" }, where)] : text);
  const number = (key, title, digits, help, more = {}) => ({
    key, title, help, digits, number: true, value: (row) => row[key], cell: (row) => shown(row[key], digits), ...more,
  });
  const statusClass = (status) => (status.includes("doubtful") ? "doubtful" : status === "found" ? "" : "soft");
  const columns = [
    { key: "image", title: "Image", help: "The defaced head, and the way to its report. Only images that passed have a picture.",
      value: (row) => row.source, cell: imageCell },
    { key: "verdict", title: "Verdict", help: "PASS: may be shared. REVIEW: a person must look. FAIL: nothing was written.",
      value: (row) => WORST_FIRST[row.verdict] ?? -1, cell: (row) => row.verdict, class: (row) => `verdict ${VERDICTS.includes(row.verdict) ? row.verdict : ""}` },
    { key: "why", title: "Reasons, notes", help: "Why the verdict is not PASS, what to do about it, and what else is to be known.",
      value: (row) => [...row.reasons, ...row.notes].join(" ") || null, cell: whyCell },
    ...data.features.map((feature, place) => ({
      key: feature, title: feature[0].toUpperCase() + feature.slice(1),
      help: "Was the feature found in the original? found, cut off (by the border of the image), outside (of the image), absent (cut out before), doubtful.",
      value: (row) => row.statuses[place] || null, cell: (row) => row.statuses[place], class: (row) => statusClass(row.statuses[place]) })),
    number("changed", "Changed (%)", 2, "Voxels whose value changed, as a share of the image."),
    number("in_brain", "Changed in brain", 0, "Changed voxels in the brain and 3 mm around it; the limit is 0."),
    number("spared", "Spared for brain", 0, "Voxels that were to change but were left because they lie within 3 mm of the brain."),
    { key: "faces", title: "Faces seen", number: true, help: "Views of the head in which a face detector finds a face, over all detectors: before, and after defacing. Sorted by after.",
      value: (row) => (row.faces_after === null ? null : 1e4 * row.faces_after + row.faces_before),
      cell: (row) => (row.faces_after === null ? "" : `${row.faces_before} → ${row.faces_after}`) },
    number("height", "Stands out (mm)", 1, "The most by which the skin over any feature still stands out, and the feature.",
      { cell: (row) => at(shown(row.height, 1), row.height_at) }),
    number("relief", "Relief (mm)", 2, "How rough the skin over a feature is at most, and the feature.",
      { cell: (row) => at(shown(row.relief, 2), row.relief_at) }),
    number("nose_left", "Nose left (mm)", 1, "How far the skin still stands out at the nose."),
    number("brain", "Brain (ml)", 0, "Volume of the brain that was found."),
    number("seconds", "Time (s)", 1, "Detection, defacing and checks."),
  ];
  const columnOf = (key) => columns.find((column) => column.key === key);

  // ---- which rows, in which order
  const chosen = () => {
    const words = byId("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const fields = ["subject", "session", "suffix"].map((field) => [field, byId(field).value]);
    const outliers = byId("outliers").checked;
    return rows.filter((row) =>
      fields.every(([field, value]) => value === "" || `=${row[field]}` === value)
      && (!outliers || row.outliers.length > 0) && words.every((word) => row.text.includes(word)));
  };
  const compare = (a, b) => (typeof a === "string" ? natural.compare(a, b) : a - b);
  const sorted = (list) => {
    const value = columnOf(state.column).value;
    const keyed = list.map((row) => [value(row), row]);
    // What has no value comes last, whichever way.
    keyed.sort(([a, one], [b, other]) => {
      if (a === null || b === null) return (a === null) - (b === null) || one.number - other.number;
      return state.step * compare(a, b) || one.number - other.number;
    });
    return keyed.map(([, row]) => row);
  };
  const pageSize = () => (state.whole || byId("size").value === "all" ? Infinity : Number(byId("size").value));
  const pageCount = () => Math.max(1, Math.ceil(visible.length / pageSize()) || 1);
  let visible = [];

  // ---- table
  const head = byId("images").tHead.rows[0];
  const drawHead = () => {
    for (const column of columns) {
      const button = make("button", { type: "button", title: column.help }, column.title);
      button.addEventListener("click", () => {
        sortBy(column.key, state.column === column.key ? -state.step : 1);
      });
      head.append(make("th", { scope: "col", role: "columnheader", class: column.number ? "number" : null, "data-key": column.key }, button));
      byId("meaning").querySelector("dl").append(make("dt", {}, column.title), make("dd", {}, column.help));
      for (const [step, arrow] of [[1, "↑"], [-1, "↓"]]) {
        byId("order").append(make("option", { value: `${column.key} ${step}` }, `${column.title} ${arrow}`));
      }
    }
  };
  const markSorted = () => {
    for (const cell of head.cells) {
      const own = cell.dataset.key === state.column;
      cell.setAttribute("aria-sort", own ? (state.step > 0 ? "ascending" : "descending") : "none");
    }
    byId("order").value = `${state.column} ${state.step}`;
  };
  const cellOf = (row, column) => {
    const content = column.cell(row);
    const out = row.outliers.includes(column.key);
    const names = [column.key === "image" ? "image" : "", column.key === "why" ? "why" : "", column.number ? "number" : "",
      out ? "stands-out" : "", column.class ? column.class(row) : ""].filter(Boolean).join(" ");
    const cell = make("td", { role: "cell", class: names || null, "data-title": column.title, title: out ? "outlier" : null });
    cell.append(...(Array.isArray(content) ? content : [content]));
    if (!cell.textContent) cell.classList.add("empty");
    return cell;
  };
  const drawRows = () => {
    state.page = Math.min(state.page, pageCount() - 1);
    const size = pageSize();
    const part = size === Infinity ? visible : visible.slice(state.page * size, (state.page + 1) * size);
    byId("images").tBodies[0].replaceChildren(...part.map((row) => make("tr", {
      role: "row", id: `row-${row.number}`, tabindex: "-1", "aria-current": row.number === state.current ? "true" : null,
    }, ...columns.map((column) => cellOf(row, column)))));
    drawPages();
  };
  const drawPages = () => {
    const last = pageCount() - 1;
    for (const nav of document.querySelectorAll(".pages")) {
      nav.hidden = last === 0;
      const back = make("button", { type: "button", disabled: state.page === 0 }, "Previous");
      const next = make("button", { type: "button", disabled: state.page === last }, "Next");
      back.addEventListener("click", () => turnTo(state.page - 1, nav, 0));
      next.addEventListener("click", () => turnTo(state.page + 1, nav, 1));
      nav.replaceChildren(back, make("span", {}, `Page ${state.page + 1} of ${last + 1}`), next);
    }
  };
  const turnTo = (page, nav, which) => {
    state.page = page;
    drawRows();
    // The buttons are new: the keyboard stays where it was, or on the other one at an end.
    const buttons = nav.querySelectorAll("button");
    (buttons[which].disabled ? buttons[1 - which] : buttons[which]).focus();
  };
  const sortBy = (key, step) => {
    state.column = key;
    state.step = step;
    state.page = 0;
    visible = sorted(visible);
    markSorted();
    drawRows();
  };
  const goTo = (row) => {
    state.current = row.number;
    const size = pageSize();
    state.page = size === Infinity ? 0 : Math.floor(visible.indexOf(row) / size);
    drawRows();
    const element = byId(`row-${row.number}`);
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "center" });
  };

  // ---- distributions
  const WIDTH = 300, HEIGHT = 96, LEFT = 8, TOP = 16, BINS = 30;
  // A failed image took no time, and has no other number: it says nothing about the rest.
  const isCompared = (row, name) => row[name] !== null && row.verdict !== "FAIL";
  const median = (values) => {
    const list = [...values].sort((a, b) => a - b), middle = list.length >> 1;
    return list.length % 2 ? list[middle] : (list[middle - 1] + list[middle]) / 2;
  };
  const ranges = new Map(Object.keys(data.distributions).map((name) => {
    let low = Infinity, high = -Infinity;
    for (const row of rows) if (isCompared(row, name)) { low = Math.min(low, row[name]); high = Math.max(high, row[name]); }
    return [name, [low, high > low ? high : low + 1]];
  }));
  const histogram = (name, title, list) => {
    const known = list.filter((row) => isCompared(row, name));
    const outliers = known.filter((row) => row.outliers.includes(name));
    const { digits } = columnOf(name);
    const figure = make("figure", { "data-name": name });
    const caption = make("figcaption", {}, title);
    figure.append(caption);
    if (!known.length) {
      caption.append(make("span", {}, "no values"));
      return figure;
    }
    const middle = median(known.map((row) => row[name]));
    const words = `${outliers.length || "no"} outlier${outliers.length === 1 ? "" : "s"}`;
    caption.append(make("span", {}, `${grouped.format(known.length)} images, median ${middle.toFixed(digits)}, ${words}`));
    const [low, high] = ranges.get(name);
    const x = (value) => LEFT + ((value - low) / (high - low)) * (WIDTH - 2 * LEFT);
    const counts = new Array(BINS).fill(0);
    for (const row of known) counts[Math.min(BINS - 1, Math.floor(((row[name] - low) / (high - low)) * BINS))] += 1;
    const most = Math.max(...counts), wide = (WIDTH - 2 * LEFT) / BINS;
    const bars = counts.flatMap((count, bin) => {
      if (!count) return [];
      const tall = Math.max(1.5, (count / most) * (HEIGHT - TOP - 6));
      return [drawn("rect", { x: LEFT + bin * wide + 0.5, y: HEIGHT - tall, width: wide - 1, height: tall })];
    });
    const marks = outliers.map((row) => {
      const label = `${row.name}: ${row[name].toFixed(digits)}`;
      const link = drawn("a", { href: `#row-${row.number}`, "aria-label": `Outlier ${label}` },
        drawn("title", {}, label), drawn("circle", { cx: x(row[name]), cy: TOP - 7, r: 5 }));
      link.addEventListener("click", (event) => { event.preventDefault(); goTo(row); });
      return link;
    });
    const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT + 16}`, role: "group", "aria-label": title },
      ...bars, drawn("line", { x1: LEFT, x2: WIDTH - LEFT, y1: HEIGHT, y2: HEIGHT }),
      drawn("line", { class: "median", x1: x(middle), x2: x(middle), y1: TOP, y2: HEIGHT }),
      drawn("text", { x: LEFT, y: HEIGHT + 13 }, low.toFixed(digits)),
      drawn("text", { x: WIDTH - LEFT, y: HEIGHT + 13, "text-anchor": "end" }, high.toFixed(digits)), ...marks);
    figure.append(svg);
    return figure;
  };
  const drawPlots = (list) => {
    byId("plots").replaceChildren(...Object.entries(data.distributions).map(([name, title]) => histogram(name, title, list)));
  };

  // ---- filters
  const drawVerdicts = (list) => {
    const counts = { "": list.length };
    for (const row of list) counts[row.verdict] = (counts[row.verdict] ?? 0) + 1;
    for (const button of byId("verdicts").children) {
      button.lastChild.textContent = grouped.format(counts[button.dataset.verdict] ?? 0);
      button.setAttribute("aria-pressed", String(button.dataset.verdict === state.verdict));
    }
  };
  const apply = () => {
    const list = chosen();
    drawVerdicts(list);
    const left = state.verdict ? list.filter((row) => row.verdict === state.verdict) : list;
    visible = sorted(left);
    state.page = 0;
    const tally = VERDICTS.map((verdict) => `${grouped.format(left.filter((row) => row.verdict === verdict).length)} ${verdict}`);
    byId("status").textContent = `${grouped.format(left.length)} of ${grouped.format(rows.length)} images: ${tally.join(", ")}`;
    drawPlots(left);
    drawRows();
  };
  const fill = (field, none) => {
    const values = [...new Set(rows.map((row) => row[field]))].sort(natural.compare);
    byId(field).append(make("option", { value: "" }, "all"),
      ...values.map((value) => make("option", { value: `=${value}` }, value || none)));
    byId(field).parentElement.hidden = values.length < 2;
  };
  const setUp = () => {
    for (const verdict of ["", ...VERDICTS]) {
      const button = make("button", { type: "button", class: verdict || null, "data-verdict": verdict }, verdict || "All", " ", make("span"));
      button.addEventListener("click", () => { state.verdict = verdict; apply(); });
      byId("verdicts").append(button);
    }
    fill("subject", "none");
    fill("session", "none");
    fill("suffix", "none");
    let waiting;
    byId("text").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 120); });
    for (const id of ["subject", "session", "suffix", "outliers"]) byId(id).addEventListener("change", apply);
    const form = byId("filters");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => { state.verdict = ""; setTimeout(apply); });
    byId("size").addEventListener("change", () => { state.page = 0; drawRows(); });
    byId("order").addEventListener("change", () => {
      const [key, step] = byId("order").value.split(" ");
      sortBy(key, Number(step));
    });
  };

  // ---- paper: all rows of the filter, not one page of them
  const showWhole = (whole) => {
    if (state.whole === whole) return;
    state.whole = whole;
    for (const part of document.querySelectorAll("#distributions, #identity")) {
      if (whole) part.dataset.open = part.open ? "yes" : "";
      part.open = whole || part.dataset.open === "yes";
    }
    drawRows();
  };
  addEventListener("beforeprint", () => showWhole(true));
  addEventListener("afterprint", () => showWhole(false));
  byId("print").addEventListener("click", async () => {
    showWhole(true);
    // Pictures that are not there yet would be left out of the print.
    await Promise.allSettled([...document.querySelectorAll("#images img")].map((picture) => picture.decode()));
    print();
    showWhole(false);
  });

  if (matchMedia("(max-width: 700px)").matches) {
    for (const part of document.querySelectorAll("#distributions, #identity")) part.open = false;
  }
  setUp();
  drawHead();
  markSorted();
  apply();
})();

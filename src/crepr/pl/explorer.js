// Runs when the plots are drawn, with what pl/_explorer_page.py gives it:
// source, ring (data sources), cells (names), columns, tooltips (positions of columns), crops (null without), missing (colour),
// missing_code (of values of genes), tissue (columns of source with x and y, null without)
const at = (id) => document.getElementById(id)
const make = (tag, attributes = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), attributes)
  element.append(...children)
  return element
}
const whole = new Intl.NumberFormat("en")
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 })
const number = (value) =>
  !Number.isFinite(value) ? "missing" : Number.isInteger(value) ? whole.format(value) : short.format(value)
const text = ({ groups, values }, i) => (groups ? (groups[values[i]] ?? "missing") : number(values[i]))
for (const item of columns) {
  if (item.kind !== "gene") continue
  const { values, low, step } = item
  item.values = Float64Array.from(values, (code) => (code === missing_code ? NaN : low + code * step))
}
let column = columns[0]
let shown = null
let pointer = { clientX: 0, clientY: 0 }

// --- colours ---

const rgba = (hex) => parseInt(`${hex.slice(1)}ff`, 16)
const painter = ({ groups, palette, values, low, high }) => {
  const table = palette.map(rgba)
  const none = rgba(missing)
  if (groups) return (i) => table[values[i]] ?? none
  const scale = high > low ? (table.length - 1) / (high - low) : 0
  const last = table.length - 1
  return (i) => {
    const value = values[i]
    return value === value ? table[Math.max(0, Math.min(last, Math.round((value - low) * scale)))] : none
  }
}
const paint = () => {
  const color = painter(column)
  const colors = source.data.color
  for (let i = 0; i < colors.length; i++) colors[i] = color(i)
  source.change.emit()
  key()
}

// --- legend: groups with their counts, of the selected and of all; or a scale of numbers ---

const key = () => {
  at("key").replaceChildren(...(column.groups ? groupKey() : scaleKey()))
}
const groupKey = () => {
  const { groups, palette, values } = column
  const count = (positions) => {
    const counts = new Map()
    for (const i of positions) counts.set(values[i], (counts.get(values[i]) ?? 0) + 1)
    return counts
  }
  const all = count(values.keys())
  const some = source.selected.indices.length ? count(source.selected.indices) : null
  const entry = (code, name, color) => {
    const swatch = make("span", { className: "swatch" })
    swatch.style.background = color
    const amount = (some ? `${whole.format(some.get(code) ?? 0)} / ` : "") + whole.format(all.get(code) ?? 0)
    const row = make("button", { type: "button", title: `Select ${name}` }, swatch)
    row.append(make("span", { className: "name", textContent: name }))
    row.append(make("span", { className: "count", textContent: amount }))
    row.classList.toggle("none", Boolean(some) && !some.has(code))
    row.onclick = (event) => {
      const own = [...values.keys()].filter((i) => values[i] === code)
      select(event.shiftKey ? [...new Set([...source.selected.indices, ...own])] : own)
    }
    return row
  }
  const rows = groups.map((name, code) => entry(code, name, palette[code]))
  return all.has(-1) ? [...rows, entry(-1, "missing", missing)] : rows
}
const scaleKey = () => {
  const { palette, low, high } = column
  if (low === null) return [make("p", { textContent: "All values are missing." })]
  const bar = make("div", { className: "scale" })
  bar.style.background = `linear-gradient(to right, ${palette.join(", ")})`
  const ends = [low, (low + high) / 2, high].map((value) => make("span", { textContent: number(value) }))
  return [bar, make("div", { className: "ends" }, ...ends)]
}

// --- pictures: places on sheets that the style sheet has as classes ---

const picture = (i) => {
  const sheet = Math.floor(i / crops.per_sheet)
  const place = i % crops.per_sheet
  const element = make("div", { className: `crop sheet-${sheet}` })
  element.style.setProperty("--column", place % crops.columns)
  element.style.setProperty("--row", Math.floor(place / crops.columns))
  return element
}

// --- hover ---

const show = (i) => {
  if (i === shown) return
  shown = i
  const points = i === null ? [] : [i]
  ring.data = Object.fromEntries(Object.keys(ring.data).map((axis) => [axis, points.map((j) => source.data[axis][j])]))
  at("tip").hidden = i === null
  if (i === null) return
  const lines = [column, ...tooltips.map((position) => columns[position])].filter((item, j, all) => all.indexOf(item) === j)
  const table = make("table")
  for (const item of lines) {
    const name = make("th", { textContent: item.name })
    table.append(make("tr", {}, name, make("td", { textContent: text(item, i) })))
  }
  const head = make("strong", { textContent: cells[i] })
  at("tip").replaceChildren(...(crops ? [picture(i)] : []), make("div", {}, head, table))
  follow()
}
const follow = () => {
  const { clientX, clientY } = pointer
  const tip = at("tip")
  const gap = 16
  const { offsetWidth, offsetHeight } = tip
  const left = clientX + gap + offsetWidth > innerWidth ? clientX - gap - offsetWidth : clientX + gap
  const top = Math.min(clientY + gap, innerHeight - offsetHeight - gap)
  tip.style.translate = `${Math.max(0, left)}px ${Math.max(0, top)}px`
}
document.addEventListener("crepr-hover", ({ detail }) => {
  // of cells under the mouse the one on top: selected ones are drawn last, others in their order
  const { indices } = detail
  const selected = indices.length > 1 ? new Set(source.selected.indices) : new Set()
  const top = indices.reduce((a, b) => {
    if (a === null || selected.has(a) !== selected.has(b)) return a !== null && selected.has(a) ? a : b
    return Math.max(a, b)
  }, null)
  show(top)
})
document.addEventListener("pointermove", (event) => {
  pointer = event
  if (shown !== null) follow()
})
at("plots").addEventListener("pointerleave", () => show(null))

// --- selection ---

const select = (indices) => {
  source.selected.indices = indices
}
const MOST = 60
const selectionChanged = () => {
  const { indices } = source.selected
  at("count").textContent = whole.format(indices.length)
  for (const id of ["export", "clear"]) at(id).disabled = !indices.length
  if (column.groups) key()
  if (!crops) return
  // evenly spaced, so that all parts of a large selection are seen
  const n = Math.min(MOST, indices.length)
  const some = Array.from({ length: n }, (_, k) => indices[Math.floor((k * indices.length) / n)])
  at("gallery").replaceChildren(
    ...some.map((i) => {
      const element = picture(i)
      element.onpointerenter = () => show(i)
      element.onpointerleave = () => show(null)
      return element
    }),
  )
  at("more").textContent = indices.length > n ? `${n} of ${whole.format(indices.length)}, evenly spaced` : ""
}
document.addEventListener("crepr-select", selectionChanged)
at("clear").onclick = () => select([])
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape") select([])
})

// --- export: names, positions and columns of .obs of the selected cells ---

const digits = (values, i) => {
  const value = values[i]
  if (Number.isNaN(value)) return ""
  if (!(values instanceof Float32Array) || !Number.isFinite(value)) return String(value)
  // as few digits as tell the number from others of its type
  for (let n = 6; n < 9; n++) if (Math.fround(value.toPrecision(n)) === value) return String(Number(value.toPrecision(n)))
  return String(Number(value.toPrecision(9)))
}
at("export").onclick = () => {
  const fields = [["cell", (i) => cells[i]]]
  const add = (name, value) => {
    const taken = new Set(fields.map(([other]) => other))
    let own = name
    for (let n = 1; taken.has(own); n++) own = `${name}-${n}`
    fields.push([own, value])
  }
  for (const [k, axis] of (tissue ?? []).entries()) add("xy"[k], (i) => digits(source.data[axis], i))
  for (const { kind, name, groups, values } of columns) {
    if (kind === "column") add(name, groups ? (i) => groups[values[i]] ?? "" : (i) => digits(values, i))
  }
  const quoted = (field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)
  const line = (texts) => texts.map(quoted).join(",")
  const chosen = [...source.selected.indices].sort((a, b) => a - b)
  const lines = [line(fields.map(([name]) => name)), ...chosen.map((i) => line(fields.map(([, value]) => value(i))))]
  const url = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }))
  make("a", { href: url, download: "selected_cells.csv" }).click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

// --- chooser ---

for (const [label, genes] of [["Columns", false], ["Genes", true]]) {
  const own = [...columns.entries()].filter(([, { choose, kind }]) => choose && (kind === "gene") === genes)
  const options = own.map(([value, { name }]) => make("option", { value, textContent: name }))
  if (own.length) at("color").append(make("optgroup", { label }, ...options))
}
at("color").onchange = ({ target }) => {
  column = columns[target.value]
  paint()
}
at("color").value = 0
paint()
selectionChanged()
document.body.classList.add("ready")

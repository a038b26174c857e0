// Keys, copying, the state of the stream, and a bound on the rows of a page. The pages work without.

// What a stream adds pushes the oldest rows out: a page that is open for days stays as small.
const MOST_ROWS = 100

const byID = (id) => document.getElementById(id)

// Copying needs a script, and so do the keys: their buttons appear with it.
const showCopies = (root) => {
  for (const button of root.querySelectorAll('button[data-copy]')) button.hidden = false
}

document.addEventListener('click', async (event) => {
  const button = event.target.closest('button[data-copy]')
  if (!button) return
  await navigator.clipboard.writeText(button.dataset.copy)
  const before = button.textContent
  button.textContent = button.dataset.done
  setTimeout(() => { button.textContent = before }, 1500)
})

document.addEventListener('click', (event) => {
  const dialog = byID('keys')
  if (event.target.closest('#show-keys')) dialog.showModal()
})

// pending is the key g, which waits for the next one.
let pending = false
const PATIENCE = 1500

document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, select, textarea, [contenteditable]')
  if (event.ctrlKey || event.metaKey || event.altKey || typing) return
  if (pending) {
    pending = false
    const link = document.querySelector(`nav a[data-go="${CSS.escape(event.key)}"]`)
    if (link) {
      event.preventDefault()
      link.click()
    }
    return
  }
  if (event.key === 'g') {
    pending = true
    setTimeout(() => { pending = false }, PATIENCE)
  } else if (event.key === '/') {
    const search = byID('search')
    if (!search) return
    event.preventDefault()
    search.focus()
    search.select()
  } else if (event.key === '?') {
    event.preventDefault()
    const dialog = byID('keys')
    if (dialog.open) dialog.close()
    else dialog.showModal()
  }
})

// In a table of buttons the arrows go from one to the next: Faults has more than two hundred.
document.addEventListener('keydown', (event) => {
  const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? []
  if (down === undefined || event.ctrlKey || event.metaKey || event.altKey || !event.target.matches('td > button[name="switch"]')) return
  event.preventDefault()
  let cell = event.target.parentElement
  do {
    const row = cell.closest('tbody').rows[cell.parentElement.rowIndex - 1 + down]
    cell = (down ? row : cell.parentElement)?.cells[cell.cellIndex + right]
  } while (cell && !cell.querySelector('button'))
  cell?.querySelector('button').focus()
})

// Messages that have come already follow each other without a frame between them. Where they come
// faster than a machine draws, one of them waits for a frame every half a second, so that the page
// shows them and takes keys meanwhile. A hidden page has no frames.
let drawn = 0
const LONGEST = 500
document.addEventListener('htmx:sse:before:message', (event) => {
  if (performance.now() - drawn < LONGEST) return
  event.detail.waitUntil(new Promise((go) => {
    const goOn = () => { clearTimeout(late); drawn = performance.now(); go() }
    const late = setTimeout(goOn, LONGEST)
    requestAnimationFrame(goOn)
  }))
})

// The state of the stream, in words that the page has.
const say = (state) => {
  const status = byID('stream-state')
  if (!status) return
  status.dataset.state = state
  status.textContent = state === 'on' ? status.dataset.saidOn : status.dataset.saidOff
}
document.addEventListener('htmx:sse:after:connection', (event) => say(event.detail.connection.status === 200 ? 'on' : 'off'))
document.addEventListener('htmx:sse:error', () => say('off'))
document.addEventListener('htmx:sse:close', () => say('off'))

document.addEventListener('DOMContentLoaded', () => {
  showCopies(document)
  byID('show-keys').hidden = false
  // What a form did is not done again by reloading: the address is that of the form.
  const here = document.querySelector('link[rel=canonical]')
  if (here) history.replaceState(null, '', here.href)
  const live = byID('live')
  if (!live || live.tagName !== 'TBODY') return
  new MutationObserver(() => {
    byID('nothing')?.remove()
    while (live.rows.length > MOST_ROWS) live.lastElementChild.remove()
  }).observe(live, { childList: true })
})

// A part of the page that is read again is new. What a person was doing in it goes on: where the
// focus is, what is open, how far it is scrolled, what is written into fields. A thing is found
// again by what it is, without a time that counts down, and by which of those like it. htmx does so
// for the focus and ids alone.
const sign = (e) => e.id || [e.tagName, e.name, e.getAttribute('href'), e.getAttribute('aria-label'), e.getAttribute('aria-labelledby'),
  e.dataset.copy?.replace(/\d+[hms]/g, ''), e.matches('a, button, summary') && e.textContent].join('\n')
const like = (e, its = sign(e)) => [...document.querySelectorAll(e.tagName)].filter((other) => sign(other) === its)
const isWritten = (e) => e.type === 'checkbox' || e.type === 'radio' ? e.checked !== e.defaultChecked
  : e.tagName === 'SELECT' ? [...e.options].some((o) => o.selected !== o.defaultSelected) : e.value !== e.defaultValue

// keep is a list of what has to be done to the new part.
const keep = (part) => {
  const kept = []
  const add = (e, again) => { const its = sign(e), n = like(e, its).indexOf(e); kept.push(() => again(like(e, its)[n])) }
  const all = (kinds) => part.querySelectorAll(kinds)
  for (const e of all('details > summary')) if (e.parentElement.open) add(e, (now) => { if (now) now.parentElement.open = true })
  for (const e of all('.scroll, pre')) {
    const { scrollLeft, scrollTop } = e
    if (scrollLeft || scrollTop) add(e, (now) => now?.scrollTo(scrollLeft, scrollTop))
  }
  for (const e of all('input, select, textarea')) if (isWritten(e)) add(e, (now) => { if (now) { now.value = e.value; now.checked = e.checked } })
  if (part.contains(document.activeElement)) add(document.activeElement, (now) => now?.focus({ preventScroll: true }))
  return kept
}

// isBusy says that a person is writing, or has selected a text, in a part: it is not read again until
// that is over.
const isBusy = (part) => {
  const selected = getSelection()
  return part.contains(document.activeElement) && document.activeElement.matches('input, select, textarea') ||
    !selected.isCollapsed && part.contains(selected.anchorNode)
}
let kept = []
let isLate = false
document.addEventListener('htmx:before:swap', (event) => {
  const part = event.target
  if (!part.matches('[hx-get]')) return
  if (isBusy(part)) {
    isLate = true
    event.preventDefault()
    return
  }
  kept.push(...keep(part))
})
document.addEventListener('htmx:after:swap', () => {
  showCopies(document)
  for (const again of kept) again()
  kept = []
})
const catchUp = () => {
  if (!isLate || !getSelection().isCollapsed) return
  isLate = false
  document.body.dispatchEvent(new Event('changed'))
}
document.addEventListener('focusout', catchUp)
document.addEventListener('selectionchange', catchUp)

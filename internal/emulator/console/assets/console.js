// Keys, copying, the state of the stream, and a bound on the rows of a page. The pages work without.
'use strict'

// What a stream adds pushes the oldest rows out: a page that is open for days stays as small.
const MOST_ROWS = 500

const byID = (id) => document.getElementById(id)

// Copying needs a script, so its buttons appear with it.
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
  const live = byID('live')
  if (!live || live.tagName !== 'TBODY') return
  new MutationObserver(() => {
    byID('nothing')?.remove()
    while (live.rows.length > MOST_ROWS) live.lastElementChild.remove()
  }).observe(live, { childList: true })
})
document.addEventListener('htmx:after:swap', () => showCopies(document))

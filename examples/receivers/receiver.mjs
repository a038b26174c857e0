// Receives cloudpay's events and acts on each once (docs/events.md).
//
//   CLOUDPAY_NOTIFY_KEY=whsec_… node receiver.mjs 127.0.0.1:8080 shop.jsonl

import { createHmac, timingSafeEqual } from 'node:crypto'
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'

const [address, path] = process.argv.slice(2)
const longest = 64 << 10 // bytes of a body

// secretOf returns the bytes of a key, or null for one that can be guessed: anyone could sign.
function secretOf(key) {
  if (!key.startsWith('whsec_')) return key.length >= 16 ? Buffer.from(key) : null
  const encoded = key.slice(6), secret = Buffer.from(encoded, 'base64')
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(encoded) && encoded.length % 4 === 0
  return isBase64 && secret.length >= 24 && secret.length <= 64 ? secret : null
}

const secrets = (process.env.CLOUDPAY_NOTIFY_KEY ?? '').split(/\s+/).filter(Boolean).map(secretOf)
if (secrets.length === 0 || secrets.includes(null)) {
  console.error('CLOUDPAY_NOTIFY_KEY must be one key or two: whsec_ and the base64 of 24 to 64 bytes, or at least 16 characters')
  process.exit(1)
}

// verify returns the event's id if body was signed with one of our keys within five minutes.
function verify(headers, body) {
  const id = headers['webhook-id'], timestamp = headers['webhook-timestamp']
  const signatures = String(headers['webhook-signature']).split(' ')
  if (!id || !(Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300)) return null
  for (const secret of secrets) {
    const mac = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest('base64')
    const want = Buffer.from(`v1,${mac}`)
    for (const signature of signatures) {
      const given = Buffer.from(signature)
      if (given.length === want.length && timingSafeEqual(given, want)) return id
    }
  }
  return null
}

// An order has its end once; after a restore it may come under another id.
const ends = { closed: 'closed', notFound: 'notFound', paid: 'paid', paidOtherAmount: 'paid' }

// The journal stands for the shop's database: a line has an event's id, its end, and what was done
// for it, so that all are kept or none is. A line that a crash cut off is no line.
const text = (() => { try { return readFileSync(path, 'utf8') } catch { return '' } })()
const whole = text.slice(0, text.lastIndexOf('\n') + 1)
const keys = ({ id, end }) => [id, end].filter(Boolean)
const handled = new Set(whole.split('\n').filter(Boolean).flatMap((line) => keys(JSON.parse(line))))
const journal = openSync(path, 'a')
ftruncateSync(journal, Buffer.byteLength(whole))

// receive acts on an event unless it has done so. Nothing else runs between its lines.
function receive(id, event) {
  const order = [event.region, event.mchId, event.subMchId ?? '', event.outTradeNo].join('/')
  const end = ends[event.kind] && `${ends[event.kind]} ${order}`
  if (keys({ id, end }).some((key) => handled.has(key))) return
  const what = { closed: 'release', notFound: 'release', paid: 'deliver', test: 'none' }[event.kind] ?? 'look'
  try {
    writeSync(journal, JSON.stringify({ id, end, what, order }) + '\n')
    fsyncSync(journal)
  } catch {
    closeSync(journal)
    process.exit(1) // it is not known what the file has: the next start reads it
  }
  keys({ id, end }).forEach((key) => handled.add(key))
  console.log(`${what} ${order}`)
}

// A request has ten seconds, with its body.
const limits = { headersTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 }

createServer(limits, async (request, response) => {
  try {
    if (Number(request.headers['content-length']) > longest) {
      response.writeHead(413, { connection: 'close' }).end()
      return
    }
    let body = Buffer.alloc(0)
    for await (const chunk of request) {
      body = Buffer.concat([body, chunk])
      if (body.length > longest) throw new Error('too long')
    }
    const id = verify(request.headers, body)
    if (id) receive(id, JSON.parse(body))
    response.writeHead(id ? 204 : 401).end()
  } catch {
    response.destroy() // no answer, and the event comes again
  }
}).listen(Number(address.split(':').pop()), address.slice(0, address.lastIndexOf(':')))

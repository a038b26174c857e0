// The shop's server. It keeps the stock: the cloud function `order` reserves it, and cloudpay's
// events of how orders have ended ship it or put it back.
//
//   CLOUDPAY_NOTIFY_KEY=whsec_… SHOP_TOKEN=… node main.mjs 127.0.0.1:8080 shop.jsonl [goods.json]
//
// goods.json has the articles, each with title, price in fen, and the stock before the first order.
//
//   POST /events         an event (docs/events.md), signed with CLOUDPAY_NOTIFY_KEY
//   GET  /goods/{sku}    {"title":"…","price":100}
//   POST /reservations   {"number":"T1","sku":"tea","quantity":1,"total":100} answers
//                        {"reservation":"reserved"}, "soldOut" or "ended"
//   GET  /stock          what is free, reserved and shipped, and what a person has to look at
//
// All but /events need `Authorization: Bearer` with SHOP_TOKEN. It ends by SIGTERM or SIGINT.

import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Ledger } from './ledger.mjs'
import { secretsOf, verify } from './webhook.mjs'

const [address, journal, goodsFile = new URL('goods.json', import.meta.url)] = process.argv.slice(2)

/** longest is how many bytes a body may have. */
const longest = 64 << 10

/** leastToken is how many characters the token must have. */
const leastToken = 16

/** stop ends the process with a sentence, before it serves. */
function stop(sentence) {
  console.error(sentence)
  process.exit(1)
}

/** settings are the keys and the ledger. What is wrong with them is said before anything listens. */
function settings() {
  try {
    const token = process.env.SHOP_TOKEN ?? ''
    if (token.length < leastToken) throw new Error(`SHOP_TOKEN must have at least ${leastToken} characters`)
    if (!address || !journal) throw new Error('usage: node main.mjs ADDRESS JOURNAL [GOODS]')
    const goods = JSON.parse(readFileSync(goodsFile))
    return { secrets: secretsOf(process.env.CLOUDPAY_NOTIFY_KEY), token, ledger: new Ledger(journal, goods) }
  } catch (error) {
    return stop(error.message)
  }
}

const { secrets, token, ledger } = settings()

/** Refusal is an answer other than success. */
class Refusal extends Error {
  constructor(status) {
    super(`answered ${status}`)
    this.status = status
  }
}

/** digest has the same length for every text, so that comparing tells nothing of one. */
const digest = (text) => createHash('sha256').update(text).digest()

/** authorize throws unless the request has the token. */
function authorize(request) {
  const given = request.headers.authorization ?? ''
  if (!timingSafeEqual(digest(given), digest(`Bearer ${token}`))) throw new Refusal(401)
}

/** bodyOf reads a body whole. It throws for one that is too long, before it has read that. */
async function bodyOf(request) {
  if (Number(request.headers['content-length']) > longest) throw new Refusal(413)
  const chunks = []
  let length = 0
  for await (const chunk of request) {
    chunks.push(chunk)
    length += chunk.length
    if (length > longest) throw new Refusal(413)
  }
  return Buffer.concat(chunks)
}

/** read returns a body's JSON object. */
function read(body) {
  try {
    const value = JSON.parse(body)
    if (value !== null && typeof value === 'object') return value
  } catch { /* no JSON */ }
  throw new Refusal(400)
}

/** takeEvent handles one event. It is acknowledged only when it is in the journal. */
async function takeEvent(request) {
  const body = await bodyOf(request)
  const id = verify(secrets, request.headers, body)
  if (!id) throw new Refusal(401)
  const event = read(body)
  const what = ledger.receive(id, event)
  if (what) console.log(`${what} ${event.outTradeNo}`)
  return undefined
}

/** tellArticle returns an article, as the order function needs it. */
function tellArticle(sku) {
  const article = ledger.article(sku)
  if (!article) throw new Refusal(404)
  return article
}

/** takeReservation reserves stock for an order. The price is the shop's, whatever the caller says. */
async function takeReservation(request) {
  const { number, sku, quantity, total } = read(await bodyOf(request))
  const article = ledger.article(sku)
  const isWhole = Number.isInteger(quantity) && quantity >= 1 && quantity <= 100
  if (typeof number !== 'string' || !number || !article || !isWhole || total !== article.price * quantity) throw new Refusal(400)
  try {
    return { reservation: ledger.reserve({ number, sku, quantity, total }) }
  } catch (error) {
    if (error instanceof RangeError) throw new Refusal(409)
    throw error
  }
}

/** answer returns what is answered, undefined for an empty answer. It throws a Refusal. */
function answer(request) {
  const [path] = request.url.split('?')
  const route = `${request.method} ${path}`
  if (route === 'POST /events') return takeEvent(request)
  authorize(request)
  if (route === 'POST /reservations') return takeReservation(request)
  if (route === 'GET /stock') return ledger.stock()
  if (route.startsWith('GET /goods/')) return tellArticle(path.slice('/goods/'.length))
  throw new Refusal(404)
}

/** A request has ten seconds, with its body. */
const limits = { headersTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 }

const server = createServer(limits, async (request, response) => {
  try {
    const value = await answer(request)
    if (value === undefined) response.writeHead(204).end()
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  } catch (error) {
    if (!(error instanceof Refusal)) console.error(error)
    const status = error.status ?? 500
    response.writeHead(status, status === 413 ? { connection: 'close' } : {}).end()
  }
})
server.maxConnections = 256
server.on('error', (error) => stop(`${address}: ${error.code}`))
server.listen(Number(address.split(':').pop()), address.slice(0, address.lastIndexOf(':')), () => console.log(`the shop serves at ${address}`))

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    server.close(() => process.exit(0))
    server.closeIdleConnections()
  })
}

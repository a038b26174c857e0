// The shop's ledger: what it has in stock, for which orders that is reserved, and what the events of
// these orders had done with it.
//
// It is a journal that is only appended to, one line a fact:
//
//   {"fact":"reserved","number":"T1","sku":"tea","quantity":1,"total":100}
//   {"fact":"event","id":"532376e7-…","end":"closed cn/1900000001//T1","number":"T1","what":"return"}
//
// A line is written and synced as a whole before anything is answered, so that an event and what was
// done for it are both kept, or neither is. Stock is never counted up and down: it is computed from
// the facts, so that nothing can be put back twice. In a shop with a database the two facts are two
// tables, and a line is a transaction.

import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'

/** An order ends once. After a failover the same end may come under another id (docs/events.md). */
const ends = { closed: 'closed', notFound: 'notFound', paid: 'paid', paidOtherAmount: 'paid' }

/**
 * what an event asks for: "ship", "return" (the stock is free again), "look" (a person has to), or
 * "nothing". order is the reservation, undefined where there is none. Money and stock must both be
 * right: goods that were returned before, or a payment of another amount, are not shipped.
 */
function decide(event, order) {
  switch (event.kind) {
    case 'paid': {
      const isWhole = event.paidTotal === undefined || event.paidTotal === order?.total
      return order?.state === 'reserved' && isWhole ? 'ship' : 'look'
    }
    case 'closed':
    case 'notFound':
      if (!order) return 'nothing'
      return order.state === 'reserved' ? 'return' : 'look'
    default: // also kinds of later releases
      return 'look'
  }
}

/** states are what an order becomes by what was done for its event. */
const states = { ship: 'shipped', return: 'returned' }

export class Ledger {
  #goods
  #journal
  #orders = new Map() // by number: the reservation, with its state: reserved, shipped or returned
  #handled = new Set() // ids of events, and ends of orders
  #ended = new Set() // numbers of orders that have ended
  #look = [] // events for a person

  /**
   * Opens the journal at path, a new one if there is none. goods is by article: title, price in fen,
   * and stock, the number that there was before the first order. A line that a crash cut off is no
   * line, and is taken away.
   */
  constructor(path, goods) {
    this.#goods = goods
    const text = readOr(path, '')
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    for (const line of whole.split('\n').filter(Boolean)) this.#apply(JSON.parse(line))
    this.#journal = openSync(path, 'a', 0o600)
    ftruncateSync(this.#journal, Buffer.byteLength(whole))
  }

  /** article returns an article's title and price, or undefined for one that the shop does not have. */
  article(sku) {
    if (!Object.hasOwn(this.#goods, sku)) return undefined
    const { title, price } = this.#goods[sku]
    return { title, price }
  }

  /**
   * reserve takes stock for an order: "reserved", also if it was before; "soldOut"; or "ended" for
   * an order whose end is known already, which is to have no stock any more. It throws if the same
   * number was reserved for something else.
   */
  reserve({ number, sku, quantity, total }) {
    const before = this.#orders.get(number)
    if (before && (before.sku !== sku || before.quantity !== quantity || before.total !== total)) {
      throw new RangeError(`${number} is another order`)
    }
    if (this.#ended.has(number)) return 'ended'
    if (before) return 'reserved'
    if (this.#free(sku) < quantity) return 'soldOut'
    this.#write({ fact: 'reserved', number, sku, quantity, total })
    return 'reserved'
  }

  /**
   * receive acts on a verified event, once, and returns what it did: "ship", "return", "look" or
   * "nothing"; null for an event that was handled before. Nothing else runs between its lines.
   */
  receive(id, event) {
    const full = [event.region, event.mchId, event.subMchId ?? '', event.outTradeNo].join('/')
    const end = Object.hasOwn(ends, event.kind) ? `${ends[event.kind]} ${full}` : undefined
    if (this.#handled.has(id) || this.#handled.has(end)) return null
    const what = decide(event, this.#orders.get(event.outTradeNo))
    this.#write({ fact: 'event', id, end, number: event.outTradeNo, kind: event.kind, what })
    return what
  }

  /**
   * stock returns for each article how many are free, reserved and shipped, and the events that a
   * person has to look at.
   */
  stock() {
    const articles = {}
    for (const sku of Object.keys(this.#goods)) {
      articles[sku] = { free: this.#free(sku), reserved: this.#held(sku, 'reserved'), shipped: this.#held(sku, 'shipped') }
    }
    return { articles, look: this.#look }
  }

  #held(sku, state) {
    let held = 0
    for (const order of this.#orders.values()) if (order.sku === sku && order.state === state) held += order.quantity
    return held
  }

  #free(sku) {
    return this.#goods[sku].stock - this.#held(sku, 'reserved') - this.#held(sku, 'shipped')
  }

  /**
   * #write keeps a fact. If that fails, it is not known what the file has, and the process ends: the
   * next one reads it.
   */
  #write(fact) {
    try {
      writeSync(this.#journal, JSON.stringify(fact) + '\n')
      fsyncSync(this.#journal)
    } catch (error) {
      console.error(`the journal cannot be written: ${error.code}`)
      closeSync(this.#journal)
      process.exit(1)
    }
    this.#apply(fact)
  }

  #apply(fact) {
    const { number } = fact
    if (fact.fact === 'reserved') {
      const { sku, quantity, total } = fact
      this.#orders.set(number, { sku, quantity, total, state: 'reserved' })
      return
    }
    this.#handled.add(fact.id)
    if (fact.end) {
      this.#handled.add(fact.end)
      this.#ended.add(number)
    }
    const order = this.#orders.get(number)
    if (order) order.state = states[fact.what] ?? order.state
    if (fact.what === 'look') this.#look.push({ id: fact.id, number, kind: fact.kind })
  }
}

function readOr(path, otherwise) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return otherwise
    throw error
  }
}

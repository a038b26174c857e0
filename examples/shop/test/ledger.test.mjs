import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { Ledger } from '../server/ledger.mjs'

/** open opens a ledger in a folder of the test's own; again opens the same journal. */
function open(t) {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudpay-ledger-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const journal = path.join(folder, 'shop.jsonl')
  const again = () => new Ledger(journal, { tea: { title: 'Tea', price: 100, stock: 2 } })
  return { journal, again, ledger: again() }
}

const order = (number) => ({ number, sku: 'tea', quantity: 1, total: 100 })
const event = (kind, number, more) => ({ region: 'cn', mchId: '1900000001', outTradeNo: number, kind, ...more })

/** want compares the stock, and the kinds of events for a person. */
function want(ledger, free, reserved, shipped, look = []) {
  const { articles, look: got } = ledger.stock()
  assert.deepEqual(articles.tea, { free, reserved, shipped })
  assert.deepEqual(got.map(({ kind }) => kind), look)
}

test('a paid order ships, and a closed one is put back, once', (t) => {
  const { ledger, again } = open(t)
  assert.equal(ledger.reserve(order('A')), 'reserved')
  assert.equal(ledger.reserve(order('B')), 'reserved')
  assert.equal(ledger.reserve(order('C')), 'soldOut')
  want(ledger, 0, 2, 0)
  assert.equal(ledger.receive('1', event('paid', 'A', { paidTotal: 100 })), 'ship')
  assert.equal(ledger.receive('2', event('closed', 'B')), 'return')
  want(ledger, 1, 0, 1)
  assert.equal(ledger.receive('1', event('paid', 'A', { paidTotal: 100 })), null)
  assert.equal(ledger.receive('2', event('closed', 'B')), null)
  assert.equal(ledger.receive('2b', event('closed', 'B')), null, 'the same end under another id')
  assert.equal(ledger.receive('2c', event('notFound', 'B')), 'look')
  want(ledger, 1, 0, 1, ['notFound'])
  want(again(), 1, 0, 1, ['notFound'])
})

test('a reservation that is repeated holds once, and for nothing else', (t) => {
  const { ledger } = open(t)
  ledger.reserve(order('A'))
  assert.equal(ledger.reserve(order('A')), 'reserved')
  want(ledger, 1, 1, 0)
  assert.throws(() => ledger.reserve({ ...order('A'), quantity: 2, total: 200 }), RangeError)
  ledger.receive('1', event('closed', 'A'))
  assert.equal(ledger.reserve(order('A')), 'ended')
  want(ledger, 2, 0, 0)
})

test('an order whose end came first gets no stock', (t) => {
  const { ledger, again } = open(t)
  assert.equal(ledger.receive('1', event('notFound', 'A')), 'nothing')
  assert.equal(ledger.reserve(order('A')), 'ended')
  assert.equal(again().reserve(order('A')), 'ended')
  want(ledger, 2, 0, 0)
})

for (const [what, first, second, shipped] of [
  ['a payment after a close', event('closed', 'A'), event('paid', 'A', { paidTotal: 100 }), 0],
  ['a close after a payment', event('paid', 'A', { paidTotal: 100 }), event('closed', 'A'), 1],
  ['a contradiction', event('paid', 'A', { paidTotal: 100 }), event('contradicted', 'A'), 1],
]) {
  test(`${what} is for a person`, (t) => {
    const { ledger } = open(t)
    ledger.reserve(order('A'))
    ledger.receive('1', first)
    assert.equal(ledger.receive('2', second), 'look')
    want(ledger, 2 - shipped, 0, shipped, [second.kind])
  })
}

for (const [what, one] of [
  ['another amount by its kind', event('paidOtherAmount', 'A', { paidTotal: 1 })],
  ['another amount by its total', event('paid', 'A', { paidTotal: 1 })],
  ['an order without a reservation', event('paid', 'X', { paidTotal: 100 })],
  ['an unregistered order', event('paidUnregistered', 'A')],
  ['an order that was given up', event('gaveUp', 'A')],
  ['a kind of a later release', event('constructor', 'A')],
]) {
  test(`${what} ships nothing, and keeps the stock`, (t) => {
    const { ledger } = open(t)
    ledger.reserve(order('A'))
    assert.equal(ledger.receive('1', one), 'look')
    want(ledger, 1, 1, 0, [one.kind])
  })
}

test('a payment of which no amount was said ships', (t) => {
  const { ledger } = open(t)
  ledger.reserve(order('A'))
  assert.equal(ledger.receive('1', event('paid', 'A')), 'ship')
})

test('the same number of another merchant is another order', (t) => {
  const { ledger } = open(t)
  ledger.reserve(order('A'))
  assert.equal(ledger.receive('1', event('closed', 'A')), 'return')
  assert.equal(ledger.receive('2', { ...event('closed', 'A'), subMchId: '1900000109' }), 'look')
})

test('a journal that was cut off anywhere has whole facts only', (t) => {
  const { ledger, journal, again } = open(t)
  ledger.reserve(order('A'))
  ledger.receive('1', event('paid', 'A', { paidTotal: 100 }))
  const whole = readFileSync(journal), lines = whole.toString().trimEnd().split('\n')
  for (let length = 0; length <= whole.length; length++) {
    truncateSync(journal, 0)
    appendFileSync(journal, whole.subarray(0, length))
    const facts = whole.subarray(0, length).toString().split('\n').length - 1
    const opened = again()
    want(opened, facts ? 1 : 2, facts === 1 ? 1 : 0, facts === 2 ? 1 : 0)
    assert.equal(opened.reserve(order('A')), facts === 2 ? 'ended' : 'reserved')
    opened.receive('1', event('paid', 'A', { paidTotal: 100 }))
    want(opened, 1, 0, 1)
    assert.deepEqual(readFileSync(journal, 'utf8').trimEnd().split('\n'), lines)
  }
})

test('an article that is none is none', (t) => {
  const { ledger } = open(t)
  assert.deepEqual(ledger.article('tea'), { title: 'Tea', price: 100 })
  assert.equal(ledger.article('constructor'), undefined)
})

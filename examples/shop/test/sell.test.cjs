'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const { sell, numberOf } = require('../cloudfunctions/order/sell')

const call = { openid: 'oLi', sku: 'tea', quantity: 2, basket: '0123456789abcdef' }
const number = numberOf(call.openid, call.basket)

/**
 * shop is one whose steps are counted. answers replace the answers of register and reserve, and dies
 * is the step after which the process dies.
 */
function shop({ scheduled = 'scheduled', reserved = 'reserved', dies } = {}) {
  const steps = []
  const step = (name, value, details) => {
    steps.push([name, details])
    if (name === dies) throw new Error('killed')
    return value
  }
  return {
    steps,
    notifyURL: 'https://shop.example/notify',
    register: async (order) => step('register', { outcome: scheduled }, order),
    stock: {
      article: async (sku) => (sku === 'tea' ? { title: 'Tea', price: 100 } : undefined),
      reserve: async (order) => step('reserve', reserved, order),
    },
    pay: {
      place: async (order) => step('place', 'wx1', order),
      payment: (prepayID) => ({ package: `prepay_id=${prepayID}` }),
    },
  }
}

test('an order is registered, reserved and placed, in this order and with one price', async () => {
  const s = shop()
  assert.deepEqual(await sell(s, call), { outTradeNo: number, outcome: 'placed', total: 200, payment: { package: 'prepay_id=wx1' } })
  assert.deepEqual(s.steps, [
    ['register', { out_trade_no: number, close_at: 900, openid: 'oLi', total: 200 }],
    ['reserve', { number, sku: 'tea', quantity: 2, total: 200 }],
    ['place', { number, description: 'Tea', total: 200, openid: 'oLi', notifyURL: 'https://shop.example/notify' }],
  ])
})

test('the same call again is about the same order, wherever the first one died', async () => {
  const whole = shop()
  await sell(whole, call)
  for (const dies of ['register', 'reserve', 'place']) {
    const s = shop({ dies })
    await assert.rejects(sell(s, call), /killed/)
    assert.deepEqual(s.steps, whole.steps.slice(0, s.steps.length))
  }
})

test('what is not scheduled is neither reserved nor placed', async () => {
  for (const scheduled of ['closed', 'alreadyClosed', 'paid', 'notFound', 'unknown', 'withdrawn', null]) {
    const s = shop({ scheduled })
    assert.deepEqual(await sell(s, call), { outTradeNo: number, outcome: scheduled ?? 'unknown' })
    assert.deepEqual(s.steps.map(([name]) => name), ['register'])
  }
})

test('what is not reserved is not placed', async () => {
  for (const [reserved, outcome] of [['soldOut', 'soldOut'], ['ended', 'closed'], [null, 'soldOut']]) {
    const s = shop({ reserved })
    assert.deepEqual(await sell(s, call), { outTradeNo: number, outcome })
    assert.deepEqual(s.steps.map(([name]) => name), ['register', 'reserve'])
  }
})

test('another customer or another basket is another order', () => {
  const numbers = [['oLi', 'a'], ['oLi', 'b'], ['oWang', 'a']].map(([openid, basket]) => numberOf(openid, basket))
  assert.equal(new Set(numbers).size, 3)
  for (const one of numbers) assert.match(one, /^[0-9a-f]{32}$/)
})

test('a call that no page makes is refused before anything is registered', async () => {
  for (const wrong of [
    { openid: '' }, { openid: undefined }, { sku: 'none' }, { sku: '../stock' }, { sku: undefined }, { quantity: 0 },
    { quantity: -1 }, { quantity: 1.5 }, { quantity: '2' }, { quantity: 101 }, { basket: 'short' }, { basket: undefined },
    { basket: 'x'.repeat(65) }, { basket: {} },
  ]) {
    const s = shop()
    await assert.rejects(sell(s, { ...call, ...wrong }), RangeError, JSON.stringify(wrong))
    assert.deepEqual(s.steps, [])
  }
})

// How an order comes to be, in four steps: it is registered at cloudpay to be closed, its stock is
// reserved, it is placed at WeChat Pay, and the customer gets what wx.requestPayment takes.
//
// Registering comes first, so that the process may die between any two steps and nothing is lost:
//
//   died after              what becomes of it
//   registering             the sweep finds no order at WeChat Pay: the event notFound, and nothing
//                           was reserved
//   reserving               the same event puts the stock back
//   placing                 the sweep closes it: the event closed puts the stock back
//
// The number is made from the customer and the basket, and not at random: a call that is repeated
// because its answer was lost is about the same order, in every step.
'use strict'

const { createHash } = require('node:crypto')

/** toPay is how long a customer may take to pay, in seconds. cloudpay closes the order then. */
const toPay = 15 * 60

/** numberOf returns the order number of a customer's basket, of 32 characters. */
function numberOf(openid, basket) {
  return createHash('sha256').update(`${openid}/${basket}`).digest('hex').slice(0, 32)
}

/**
 * check throws a RangeError for a call that no page of the shop makes. The customer is the
 * platform's word, and the price the shop's: neither is a parameter.
 */
function check({ openid, sku, quantity, basket }) {
  if (!openid) throw new RangeError('no user of a mini-program called')
  if (typeof sku !== 'string' || !/^[a-z0-9-]{1,32}$/.test(sku)) throw new RangeError('sku is no article')
  if (!Number.isInteger(quantity) || quantity < 1 || quantity > 100) throw new RangeError('quantity must be 1 to 100')
  if (typeof basket !== 'string' || !/^[A-Za-z0-9-]{16,64}$/.test(basket)) throw new RangeError('basket must be 16 to 64 characters')
}

/**
 * sell makes an order of quantity pieces of sku for openid. It returns outTradeNo and outcome:
 *
 *   placed                   with total in fen, and payment for wx.requestPayment
 *   soldOut                  nothing is reserved
 *   paid, closed, …          the basket's order has ended, by cloudpay's word: see docs/api.md
 *   unknown                  the register cannot be reached: call again with the same basket
 *
 * It throws if a step failed. The same call again goes on where it failed.
 */
async function sell({ stock, pay, register, notifyURL }, { openid, sku, quantity, basket }) {
  check({ openid, sku, quantity, basket })
  const article = await stock.article(sku)
  if (!article) throw new RangeError('sku is no article')
  const outTradeNo = numberOf(openid, basket), total = article.price * quantity

  const { outcome } = await register({ out_trade_no: outTradeNo, close_at: toPay, openid, total })
  if (outcome !== 'scheduled') return { outTradeNo, outcome: outcome ?? 'unknown' }

  const reservation = await stock.reserve({ number: outTradeNo, sku, quantity, total })
  if (reservation !== 'reserved') return { outTradeNo, outcome: reservation === 'ended' ? 'closed' : 'soldOut' }

  const prepayID = await pay.place({ number: outTradeNo, description: article.title, total, openid, notifyURL })
  return { outTradeNo, outcome: 'placed', total, payment: pay.payment(prepayID) }
}

module.exports = { sell, numberOf, toPay }

const { callFunction } = require('../../cloud')
const { requestPayment } = require('../../payment')

// What the customer is told. Only these outcomes are facts: in any other case nobody knows, and asking again is safe.
const words = {
  closed: '订单已关闭，可以重新下单',
  alreadyClosed: '订单已关闭，可以重新下单',
  scheduled: '已受理，订单将在几分钟内关闭',
  paid: '订单已支付，请勿重复付款',
  notFound: '没有这笔订单',
  tooSoon: '订单刚刚创建，请稍后再试',
  refused: '不能操作这笔订单',
  soldOut: '已售罄',
}

const states = {
  NOTPAY: '订单未支付',
  USERPAYING: '正在支付',
  PAYERROR: '支付失败',
  SUCCESS: '订单已支付',
  REFUND: '订单已退款',
  CLOSED: '订单已关闭',
  REVOKED: '订单已撤销',
}

const unknown = '网络异常，请稍后查询订单状态'

Page({
  data: { outTradeNo: '', payment: null, words: '', busy: false },

  onLoad({ outTradeNo = '' }) {
    this.setData({ outTradeNo })
  },

  onNumber({ detail }) {
    this.setData({ outTradeNo: detail.value, payment: null })
  },

  // buy places an order, and has the customer pay it. The basket stays until the order is known not to be there any more:
  // if an answer is lost, tapping again is about the same order.
  buy() {
    return this.during(async () => {
      this.basket = this.basket || newBasket()
      const { result } = await callFunction({ name: 'order', data: { sku: 'tea', quantity: 1, basket: this.basket } })
      if (result.outcome !== 'placed') {
        if (result.outcome !== 'unknown') this.basket = ''
        return say(result)
      }
      this.setData({ outTradeNo: result.outTradeNo, payment: result.payment })
      return this.settle()
    })
  },

  // pay has the customer pay the order that buy has placed.
  pay() {
    return this.during(() => this.settle())
  },

  async settle() {
    const { outTradeNo, payment } = this.data
    try {
      await requestPayment(outTradeNo, payment)
    } catch (error) {
      console.error(error.errMsg)
      if (error.errMsg === 'requestPayment:fail cancel') return '尚未付款，可以继续支付或关闭订单'
    }
    // The client's word proves neither a payment nor a failure: the order's state does.
    const { result } = await callFunction({ name: 'queryorder', data: { out_trade_no: outTradeNo } })
    if (['SUCCESS', 'REFUND', 'CLOSED', 'REVOKED'].includes(result.tradeState)) this.forget()
    return say(result)
  },

  close() {
    return this.ask('closeorder')
  },

  query() {
    return this.ask('queryorder')
  },

  ask(name) {
    return this.during(async () => {
      const { result } = await callFunction({ name, data: { out_trade_no: this.data.outTradeNo } })
      if (name === 'closeorder') this.forget()
      return say(result)
    })
  },

  // forget has the next order be another one. The number stays, for queries.
  forget() {
    this.basket = ''
    this.setData({ payment: null })
  },

  // during shows what a task says when it has ended. One task runs at a time.
  async during(task) {
    if (this.data.busy) return
    this.setData({ busy: true, words: '' })
    try {
      this.setData({ words: await task() })
    } catch (error) {
      // The call itself failed: what became of the order is not known.
      console.error(error.errMsg)
      this.setData({ words: unknown })
    } finally {
      this.setData({ busy: false })
    }
  },
})

// newBasket makes a random text of 32 characters, by which the shop knows one order of this customer from another.
function newBasket() {
  const digits = '0123456789abcdef'
  return Array.from({ length: 32 }, () => digits[Math.floor(Math.random() * digits.length)]).join('')
}

// say words a result. Branch on outcome: errCode has many values, and wx.cloud's own errCode is not this one.
function say(result) {
  if (result.outcome === 'found') return states[result.tradeState] || result.tradeState
  return words[result.outcome] || '暂时无法确认订单状态，请稍后查询'
}

const { callFunction } = require('../../cloud')

// What the customer is told. Only these outcomes are facts: in any other case nobody knows, and asking again is safe.
const words = {
  closed: '订单已关闭，可以重新下单',
  alreadyClosed: '订单已关闭，可以重新下单',
  paid: '订单已支付，请勿重复付款',
  notFound: '没有这笔订单',
  tooSoon: '订单刚刚创建，请稍后再试',
  refused: '不能操作这笔订单',
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

Page({
  data: { outTradeNo: '', words: '', busy: false },

  onLoad({ outTradeNo = '' }) {
    this.setData({ outTradeNo })
  },

  onNumber({ detail }) {
    this.setData({ outTradeNo: detail.value })
  },

  close() {
    return this.ask('closeorder')
  },

  query() {
    return this.ask('queryorder')
  },

  async ask(name) {
    if (this.data.busy) return
    this.setData({ busy: true, words: '' })
    try {
      const { result } = await callFunction({ name, data: { out_trade_no: this.data.outTradeNo } })
      this.setData({ words: say(result) })
    } catch (error) {
      // The call itself failed: whether the order was closed is not known.
      console.error(error.errMsg)
      this.setData({ words: '网络异常，请稍后查询订单状态' })
    } finally {
      this.setData({ busy: false })
    }
  },
})

// say words a result. Branch on outcome: errCode has many values, and wx.cloud's own errCode is not this one.
function say(result) {
  if (result.outcome === 'found') return states[result.tradeState] || result.tradeState
  return words[result.outcome] || '暂时无法确认订单状态，请稍后查询'
}

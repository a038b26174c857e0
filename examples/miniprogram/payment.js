// Has the customer pay an order: by wx.requestPayment, or, where local.js names an address, at the emulated WeChat Pay.
//
// wx.requestPayment cannot be pointed anywhere but at the real WeChat Pay. So the local way shows a question in place of
// WeChat's own, and then does what WeChat does: it checks what the page was handed to pay with, and takes the money. It
// fails with wx.requestPayment's own messages; a page does not see the difference.
const local = require('./local')

// requestPayment resolves when the customer has paid, by the word of the client alone: whether the money has arrived is
// what queryorder says. It rejects with errMsg "requestPayment:fail cancel" if the customer does not want to.
function requestPayment(outTradeNo, payment) {
  return local.url ? payLocally(outTradeNo, payment) : new Promise((success, fail) => wx.requestPayment({ ...payment, success, fail }))
}

async function payLocally(outTradeNo, payment) {
  const { confirm } = await new Promise((success, fail) =>
    wx.showModal({ title: '模拟支付', content: `支付订单 ${outTradeNo}？`, confirmText: '支付', success, fail }))
  if (!confirm) throw failure('cancel')
  const { right, message } = await manage('/paysign', payment)
  if (!right) throw failure(message)
  await manage(`/orders/${outTradeNo}/pay`, {})
}

// manage makes a request to the emulated WeChat Pay's management API.
function manage(path, data) {
  return new Promise((resolve, reject) => {
    wx.request({
      url: local.admin + path,
      method: 'POST',
      header: { 'content-type': 'application/json' },
      data,
      success({ statusCode, data: body }) {
        if (statusCode === 200) resolve(body)
        else reject(failure(body.error))
      },
      fail: ({ errMsg }) => reject(failure(errMsg)),
    })
  })
}

function failure(message) {
  const errMsg = `requestPayment:fail ${message}`
  return Object.assign(new Error(errMsg), { errMsg })
}

module.exports = { requestPayment }

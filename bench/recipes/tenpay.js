// Sells tea by tenpay, in APIv2, before an emulated WeChat Pay:
//
//   cloudpay gateway &
//   node tenpay.js .cloudpay/emulator.json 100
//
// Only the loop over urls is for the emulator. Without it the same program calls the real one.
const TenPay = require('tenpay')
const { emulator, run } = require('./shop')

const m = emulator.merchant
const pay = new TenPay({ appid: m.appid, mchid: m.mchid, partnerKey: m.v2_key })
for (const name of Object.keys(pay.urls)) { // http://127.0.0.1:9800
  pay.urls[name] = pay.urls[name].replace('https://api.mch.weixin.qq.com', emulator.gateway_url)
}

run('TP', {
  place: (number, notifyURL) => pay.unifiedOrder({
    out_trade_no: number, body: 'Tea, large', total_fee: 100, trade_type: 'NATIVE', product_id: 'tea', notify_url: notifyURL,
  }),
  async notified(headers, body) {
    const notified = {}
    await new Promise((resolve, reject) => {
      const response = { header() {}, send: (xml) => reject(new Error(xml)) }
      pay.middlewareForExpress('pay')(Object.assign(notified, { body }), response, resolve)
    })
    return { number: notified.weixin.out_trade_no, reply: '<xml><return_code>SUCCESS</return_code></xml>' }
  },
  query: async (number) => (await pay.orderQuery({ out_trade_no: number })).trade_state,
  close: (number) => pay.closeOrder({ out_trade_no: number }),
  async refund(number, refundNumber) {
    await pay.refund({ out_trade_no: number, out_refund_no: refundNumber, total_fee: 100, refund_fee: 100 })
    await pay.refundQuery({ out_refund_no: refundNumber })
  },
})

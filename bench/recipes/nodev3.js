// Sells tea by wechatpay-node-v3 before an emulated WeChat Pay:
//
//   cloudpay gateway &
//   node nodev3.js .cloudpay/emulator.json 100
//
// Only createHttp is for the emulator. Without it the same program calls the real WeChat Pay.
const WxPay = require('wechatpay-node-v3')
const { PayRequest } = require('wechatpay-node-v3/dist/lib/pay-request')
const { emulator, read, run } = require('./shop')

const m = emulator.merchant
const pay = new WxPay({
  appid: m.appid,
  mchid: m.mchid,
  serial_no: m.serial,
  publicKey: read('public_key'), // required, but read only where there is no serial_no
  privateKey: read('private_key'),
  key: m.v3_key,
})
// The key of notifications. The SDK itself knows only certificates, which it downloads.
WxPay.certificates[m.public_key_id] = read('public_key')

// The address is a constant of the SDK. createHttp replaces its HTTP client, here by the same one
// that calls http://127.0.0.1:9800 instead.
const http = new PayRequest()
const here = (url) => url.replace('https://api.mch.weixin.qq.com', emulator.gateway_url)
pay.createHttp({
  post: (url, params, headers) => http.post(here(url), params, headers),
  get: (url, headers) => http.get(here(url), headers),
})

/** done returns what was answered. The SDK throws neither for a refusal nor for a failure. */
function done({ status, data, error, errRaw }) {
  if (status !== 200 && status !== 204) {
    throw new Error(`${status ?? errRaw.code}: ${error}`)
  }
  return data
}

run('N3', {
  async place(number, notifyURL) {
    return done(await pay.transactions_native({
      description: 'Tea, large', out_trade_no: number, notify_url: notifyURL, amount: { total: 100, currency: 'CNY' },
    })).code_url
  },
  async notified(headers, body) {
    const timestamp = headers['wechatpay-timestamp']
    const genuine = Math.abs(Date.now() / 1000 - timestamp) <= 300 && await pay.verifySign({
      timestamp,
      nonce: headers['wechatpay-nonce'],
      serial: headers['wechatpay-serial'],
      signature: headers['wechatpay-signature'],
      body,
    })
    if (!genuine) {
      throw new Error('the notification is not WeChat Pay\'s')
    }
    const { event_type: type, resource } = JSON.parse(body)
    const told = pay.decipher_gcm(resource.ciphertext, resource.associated_data, resource.nonce)
    return { number: type === 'TRANSACTION.SUCCESS' && told.out_trade_no }
  },
  query: async (number) => done(await pay.query({ out_trade_no: number })).trade_state,
  close: async (number) => done(await pay.close(number)),
  async refund(number, refundNumber) {
    done(await pay.refunds({
      out_trade_no: number, out_refund_no: refundNumber, amount: { refund: 100, total: 100, currency: 'CNY' },
    }))
    done(await pay.find_refunds(refundNumber))
  },
})

// Sells tea by wechatpay-axios-plugin, in APIv3, before an emulated WeChat Pay:
//
//   cloudpay gateway &
//   node axios.js .cloudpay/emulator.json 100
//
// Only baseURL is for the emulator. Without it the same program calls the real WeChat Pay.
const { Wechatpay, Formatter, Rsa, Aes: { AesGcm } } = require('wechatpay-axios-plugin')
const { emulator, read, run } = require('./shop')

const m = emulator.merchant
const publicKey = Rsa.from(read('public_key'), Rsa.KEY_TYPE_PUBLIC)
const wxpay = new Wechatpay({
  baseURL: emulator.gateway_url, // http://127.0.0.1:9800
  mchid: m.mchid,
  serial: m.serial,
  privateKey: read('private_key'),
  certs: { [m.public_key_id]: publicKey },
  // Has replies signed by the public key. Without it they are signed by a certificate.
  headers: { 'Wechatpay-Serial': m.public_key_id },
})

run('AX', {
  async place(number, notifyURL) {
    const { data } = await wxpay.v3.pay.transactions.native.post({
      appid: m.appid,
      mchid: m.mchid,
      description: 'Tea, large',
      out_trade_no: number,
      notify_url: notifyURL,
      amount: { total: 100, currency: 'CNY' },
    })
    return data.code_url
  },
  async notified(headers, body) {
    const timestamp = headers['wechatpay-timestamp']
    const signed = Formatter.response(timestamp, headers['wechatpay-nonce'], body)
    if (headers['wechatpay-serial'] !== m.public_key_id
      || Math.abs(Formatter.timestamp() - timestamp) > 300
      || !Rsa.verify(signed, headers['wechatpay-signature'], publicKey)) {
      throw new Error('the notification is not WeChat Pay\'s')
    }
    const { event_type: type, resource } = JSON.parse(body)
    const text = AesGcm.decrypt(resource.ciphertext, m.v3_key, resource.nonce, resource.associated_data)
    return { number: type === 'TRANSACTION.SUCCESS' && JSON.parse(text).out_trade_no }
  },
  async query(number) {
    const { data } = await wxpay.v3.pay.transactions.outTradeNo.$out_trade_no$.get({
      params: { mchid: m.mchid }, out_trade_no: number,
    })
    return data.trade_state
  },
  async close(number) {
    await wxpay.v3.pay.transactions.outTradeNo.$out_trade_no$.close.post({ mchid: m.mchid }, { out_trade_no: number })
  },
  async refund(number, refundNumber) {
    await wxpay.v3.refund.domestic.refunds.post({
      out_trade_no: number, out_refund_no: refundNumber, amount: { refund: 100, total: 100, currency: 'CNY' },
    })
    await wxpay.v3.refund.domestic.refunds.$out_refund_no$.get({ out_refund_no: refundNumber })
  },
})

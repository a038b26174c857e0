// Sends one request of each kind by wechatpay-axios-plugin to the gateway that argv[2] describes, as
// captured_test.go writes it.
const { Wechatpay, Rsa } = require('wechatpay-axios-plugin')
const g = JSON.parse(process.argv[2])

const wxpay = new Wechatpay({
  baseURL: g.url,
  mchid: g.mchid,
  serial: g.serial,
  privateKey: g.private_key,
  certs: { [g.public_key_id]: Rsa.from(g.public_key, Rsa.KEY_TYPE_PUBLIC) },
  headers: { 'Wechatpay-Serial': g.public_key_id },
  secret: g.v2_key,
})
const partner = { sp_mchid: g.mchid, sub_mchid: g.sub_mchid }

async function v3() {
  const { transactions } = wxpay.v3.pay
  for (const [kind, more] of [['native', {}], ['jsapi', { payer: { openid: 'oABC' } }]]) {
    await transactions[kind].post({
      appid: g.appid, mchid: g.mchid, description: g.description, out_trade_no: `AX|${kind}*1`,
      notify_url: g.notify_url, attach: g.attach, amount: { total: 100, currency: 'CNY' }, ...more,
    })
  }
  const numbered = transactions.outTradeNo.$out_trade_no$
  const mchid = g.mchid
  await numbered.get({ params: { mchid }, out_trade_no: 'AX|native*1' })
  await numbered.close.post({ mchid }, { out_trade_no: 'AX|native*1' })
  await transactions.id.$transaction_id$.get({ params: { mchid }, transaction_id: g.transaction_id })
  const { outTradeNo } = wxpay.v3.pay.partner.transactions
  await outTradeNo.$out_trade_no$.get({ params: partner, out_trade_no: 'AX-partner' })
  await outTradeNo.$out_trade_no$.close.post(partner, { out_trade_no: 'AX-partner' })
  await numbered.get({ params: { mchid }, out_trade_no: 'AX-unknown' }).catch(() => {})
}

async function v2() {
  const account = { appid: g.appid, mch_id: g.mchid, nonce_str: '5K8264ILTKCH16CQ2502SI8ZNMTM67VS' }
  for (const signType of ['MD5', 'HMAC-SHA256']) {
    const number = `AX2-${signType.slice(0, 4)}`
    const head = { ...account, sign_type: signType }
    await wxpay.v2.pay.unifiedorder.post({
      ...head, body: g.description, attach: g.attach, out_trade_no: number, total_fee: 100, spbill_create_ip: '14.23.150.211',
      notify_url: g.notify_url, trade_type: 'NATIVE', product_id: 'tea', device_info: '',
    })
    await wxpay.v2.pay.orderquery.post({ ...head, out_trade_no: number })
    await wxpay.v2.pay.orderquery.post({ ...head, transaction_id: g.transaction_id })
    await wxpay.v2.pay.closeorder.post({ ...head, out_trade_no: number })
    await wxpay.v2.pay.closeorder.post({ ...head, out_trade_no: number }).catch(() => {})
    const sub = { ...head, sub_mch_id: g.sub_mchid, out_trade_no: `AX2P-${signType.slice(0, 4)}` }
    await wxpay.v2.pay.orderquery.post(sub)
    await wxpay.v2.pay.closeorder.post(sub)
  }
}

v3().then(v2).catch((error) => {
  console.error(error)
  process.exit(1)
})

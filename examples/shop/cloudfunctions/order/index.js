// The cloud function `order` of a shop: it places an order at WeChat Pay, and registers it at
// cloudpay to be closed. The mini-program calls it with sku, quantity and basket, a random text that
// the page keeps until the order has ended. sell.js has the steps.
'use strict'

const cloud = require('wx-server-sdk')
const { sell } = require('./sell')
const { stock } = require('./stock')
const { WeChatPay } = require('./wechatpay')

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })

const env = process.env
const pay = new WeChatPay({
  appid: env.WXPAY_APPID, mchid: env.WXPAY_MCHID, serialNo: env.WXPAY_SERIAL_NO, privateKey: env.WXPAY_PRIVATE_KEY,
  publicKeyId: env.WXPAY_PUBLIC_KEY_ID, publicKey: env.WXPAY_PUBLIC_KEY, baseURL: env.WXPAY_BASE_URL,
})

/** register has cloudpay's function closeorder register an order, as a service (docs/callers.md). */
async function register(order) {
  const { result } = await cloud.callFunction({
    name: 'closeorder', data: { ...order, service_token: env.CLOUDPAY_SERVICE_TOKEN },
  })
  if (result?.outcome === 'refused') throw new Error(`closeorder refuses to register: ${result.errCode} ${result.errCodeDes ?? result.returnMsg}`)
  return result
}

const shop = { pay, register, stock: stock(env.SHOP_URL, env.SHOP_TOKEN), notifyURL: env.SHOP_NOTIFY_URL }

exports.main = async ({ sku, quantity = 1, basket }) => {
  const { OPENID: openid } = cloud.getWXContext()
  return sell(shop, { openid, sku, quantity, basket })
}

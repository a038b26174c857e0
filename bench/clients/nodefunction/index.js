// A shop's own cloud function, as it would be deployed: it learns the caller from wx-server-sdk and
// asks cloudpay's function about the order. The package is named by a variable, to try several.
const cloud = require(process.env.WX_SERVER_SDK)

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })

exports.main = async ({ order, api }) => {
  const { OPENID, APPID, SOURCE } = cloud.getWXContext()
  let answer
  try {
    if (api) {
      answer = await cloud.openapi.wxacode.getUnlimited({ scene: order })
    } else {
      answer = await cloud.callFunction({ name: 'queryorder', data: { out_trade_no: order, service_token: process.env.TOKEN } })
    }
  } catch ({ errCode, errMsg }) {
    return { OPENID, failure: errMsg, code: errCode }
  }
  return { OPENID, APPID, SOURCE, state: answer.result.tradeState }
}

// A shop's cloud function that was written for cloud.cloudPay: only the line that makes pay is new.
const cloud = require(process.env.WX_SERVER_SDK)
const { cloudPay } = require('../../../clients/node')

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
const pay = cloudPay(cloud, { serviceToken: process.env.TOKEN })

exports.main = async ({ method, number, asService }) => {
  try {
    const { returnCode, resultCode, errCode, outcome, tradeState } = await pay[method]({ outTradeNo: number }, { asService })
    return { returnCode, resultCode, errCode, outcome, tradeState }
  } catch ({ errMsg }) {
    return { failure: errMsg }
  }
}

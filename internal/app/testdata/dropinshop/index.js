// A shop's cloud function that was written for cloud.cloudPay, with clients/node in its place. The
// object cloud has the part of wx-server-sdk that the package uses, over the SDK's own request.
const { cloudPay } = require('../../../../clients/node')

const cloud = {
  getWXContext: () => ({ OPENID: process.env.WX_OPENID, APPID: process.env.WX_APPID }),
  callFunction: async ({ name, data }) => {
    const { URL: url } = JSON.parse(process.env.TCB_CONTEXT_CNFG)
    const body = JSON.stringify({ action: 'functions.invokeFunction', function_name: name, request_data: JSON.stringify(data) })
    const response = await fetch(`${url}?env=env-1`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const answer = await response.json()
    if (answer.code) throw new Error(`${answer.code}: ${answer.message}`)
    return { result: JSON.parse(answer.data.response_data) }
  },
}
const pay = cloudPay(cloud, { serviceToken: process.env.TOKEN })

exports.main = ({ method, number }) => pay[method]({ out_trade_no: number })

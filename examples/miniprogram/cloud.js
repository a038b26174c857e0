// Calls a cloud function: through wx.cloud, or, when local.js names an address, through the emulator on this machine.
//
// wx.cloud cannot be pointed anywhere but at the real cloud, and the developer tools debug Node.js functions only. So the
// local way is a plain wx.request that takes what wx.cloud.callFunction takes, resolves with what it resolves with and
// throws what it throws; a page does not see the difference.
const local = require('./local')

function callFunction({ name, data = {} }) {
  return local.url ? callLocally(name, data) : wx.cloud.callFunction({ name, data })
}

function callLocally(name, data) {
  return new Promise((resolve, reject) => {
    wx.request({
      url: `${local.url}/v1/functions/${name}`,
      method: 'POST',
      header: { 'content-type': 'application/json', 'X-WX-OPENID': local.openid },
      data,
      success({ statusCode, data: body, header }) {
        const requestID = header['X-Request-Id'] || header['x-request-id']
        if (statusCode === 200) resolve({ result: body, errMsg: 'cloud.callFunction:ok', requestID })
        // -504002 is FUNCTIONS_EXECUTE_FAIL, what wx.cloud throws when a function fails.
        else reject(Object.assign(new Error(body.message), { errCode: -504002, errMsg: `cloud.callFunction:fail ${body.message}`, requestID }))
      },
      // -404011 is what wx.cloud throws when the cloud cannot be reached.
      fail: ({ errMsg }) => reject(Object.assign(new Error(errMsg), { errCode: -404011, errMsg: `cloud.callFunction:fail ${errMsg}` })),
    })
  })
}

module.exports = { callFunction }

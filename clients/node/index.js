'use strict'

// cloud.cloudPay.closeOrder and queryOrder for a cloud function of Node.js, answered by cloudpay's
// functions closeorder and queryorder: the same parameters, and the same keys of the result beside
// ours. See README.md.

// camelCase names, which wx-server-sdk takes too, as the functions have them.
const snake = (name) => name.replace(/[A-Z]/g, (letter, at) => (at ? '_' : '') + letter.toLowerCase())

// The parameters of cloudPay's two methods. All others are refused: a close_at that was passed on
// would postpone the close, and one that was dropped would not.
const taken = {
  closeOrder: ['sub_mch_id', 'sub_appid', 'out_trade_no', 'nonce_str'],
  queryOrder: ['sub_mch_id', 'sub_appid', 'out_trade_no', 'transaction_id', 'nonce_str'],
}

class CloudPayError extends Error {
  constructor(method, message) {
    super(`cloudPay.${method}:fail ${message}`)
    this.name = 'CloudPayError'
    this.errCode = -1
    this.errMsg = this.message
  }
}

/**
 * Returns closeOrder and queryOrder in the place of cloud.cloudPay.
 *
 * @param cloud the module wx-server-sdk, after cloud.init
 * @param options serviceToken (required): the functions' CLOUDPAY_SERVICE_TOKEN; closeFunction and
 *   queryFunction: their names, if they are not closeorder and queryorder
 */
function cloudPay(cloud, options = {}) {
  const { serviceToken, closeFunction = 'closeorder', queryFunction = 'queryorder' } = options
  if (!serviceToken || typeof serviceToken !== 'string') {
    throw new TypeError('cloudPay needs options.serviceToken: the value of CLOUDPAY_SERVICE_TOKEN')
  }
  return {
    closeOrder: (params, call) => run(cloud, 'closeOrder', closeFunction, serviceToken, params, call),
    queryOrder: (params, call) => run(cloud, 'queryOrder', queryFunction, serviceToken, params, call),
  }
}

// run makes one call, and throws where cloudPay throws: if there is no result at all.
async function run(cloud, method, name, serviceToken, params, call = {}) {
  const data = read(method, params)
  // cloudPay never postpones a close: without this the register may, until the order is old enough.
  if (method === 'closeOrder') data.at_once = 'true'
  if (call.asService !== true) data.on_behalf_of = customer(cloud, method)
  data.service_token = serviceToken
  const { result } = await cloud.callFunction({ name, data })
  if (!isResult(result)) throw new CloudPayError(method, `the function ${name} gave no result`)
  return method === 'closeOrder' ? closed(result) : queried(result)
}

// read returns the parameters in snake_case. A number given twice is refused: which of the two
// names the order is not known.
function read(method, params) {
  if (params === null || typeof params !== 'object' || Array.isArray(params)) {
    throw new CloudPayError(method, 'the parameters must be an object')
  }
  const data = {}
  for (const [key, value] of Object.entries(params)) {
    if (value === undefined || value === null || value === '') continue
    const name = snake(key)
    if (!taken[method].includes(name)) throw new CloudPayError(method, `${key} is not a parameter`)
    if (typeof value !== 'string') throw new CloudPayError(method, `${key} must be a string`)
    if (name in data) throw new CloudPayError(method, `${name} is given twice`)
    data[name] = value
  }
  return data
}

// customer is the user that called this cloud function, in whose name the order must be registered.
// A timer and another server have none: they pass {asService: true}.
function customer(cloud, method) {
  const { OPENID, APPID } = cloud.getWXContext() || {}
  if (!OPENID || !APPID) {
    throw new CloudPayError(method, 'no user called this function; a call of your own server passes {asService: true}')
  }
  return `wx:${APPID}:${OPENID}`
}

function isResult(result) {
  return result !== null && typeof result === 'object' && typeof result.outcome === 'string' &&
    typeof result.returnCode === 'string'
}

// closed is the result of a close. resultCode is SUCCESS only if this call closed the order, as
// with cloudPay.
function closed(result) {
  if (result.outcome === 'closed') return result
  return result.resultCode === 'SUCCESS' ? failed(result) : result
}

// queried is the result of a query. A state that no reply to this call proved is not passed on as
// a success.
function queried(result) {
  const isProved = result.proof === 'signature' || result.proof === 'privateLink'
  if (result.outcome === 'found' && isProved && result.tradeState) return result
  return result.resultCode === 'SUCCESS' ? failed(result) : result
}

// failed is a result that succeeds as another operation than the one that was called, such as
// scheduled.
function failed(result) {
  return {
    ...result,
    resultCode: 'FAIL',
    errCode: result.errCode || result.outcome.toUpperCase(),
    errCodeDes: result.errCodeDes || `the order is ${result.outcome}`,
  }
}

module.exports = { cloudPay, CloudPayError }

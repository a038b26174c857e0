'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { cloudPay, CloudPayError } = require('..')

const serviceToken = 'a-token-of-the-merchants-own-server'
const user = { OPENID: 'oABC', APPID: 'wx1234567890abcdef' }

// cloud is wx-server-sdk with one answer. calls has what was sent.
function cloud(result, context = user) {
  const calls = []
  return {
    calls,
    getWXContext: () => context,
    callFunction: async (call) => {
      calls.push(call)
      return { result, errMsg: 'callFunction:ok' }
    },
  }
}

const pay = (sdk) => cloudPay(sdk, { serviceToken })

// results are the functions' results: each outcome with its codes, and what a caller of cloudPay
// must read.
const results = [
  { outcome: 'closed', codes: ['SUCCESS', 'SUCCESS'], close: 'SUCCESS', query: 'FAIL' },
  { outcome: 'alreadyClosed', codes: ['SUCCESS', 'FAIL', 'ORDERCLOSED'], close: 'FAIL', query: 'FAIL' },
  { outcome: 'scheduled', codes: ['SUCCESS', 'SUCCESS'], close: 'FAIL', query: 'FAIL' },
  { outcome: 'withdrawn', codes: ['SUCCESS', 'SUCCESS'], close: 'FAIL', query: 'FAIL' },
  { outcome: 'tooLate', codes: ['SUCCESS', 'FAIL', 'TOO_LATE'], close: 'FAIL', query: 'FAIL' },
  { outcome: 'tooSoon', codes: ['SUCCESS', 'FAIL', 'TRADE_ERROR'], close: 'FAIL', query: 'FAIL' },
  { outcome: 'paid', codes: ['SUCCESS', 'FAIL', 'ORDERPAID'], close: 'FAIL', query: 'FAIL' },
  { outcome: 'unknown', codes: ['FAIL', undefined, 'TIMEOUT'], close: undefined, query: undefined },
  { outcome: 'notFound', codes: ['SUCCESS', 'FAIL', 'ORDERNOTEXIST'], close: 'FAIL', query: 'FAIL' },
  { outcome: 'refused', codes: ['SUCCESS', 'FAIL', 'NOAUTH'], close: 'FAIL', query: 'FAIL' },
  { outcome: 'found', codes: ['SUCCESS', 'SUCCESS'], tradeState: 'SUCCESS', close: 'FAIL', query: 'SUCCESS' },
  { outcome: 'found', codes: ['SUCCESS', 'SUCCESS'], tradeState: 'SUCCESS', proof: 'privateLink', close: 'FAIL', query: 'SUCCESS' },
  { outcome: 'found', codes: ['SUCCESS', 'SUCCESS'], tradeState: 'SUCCESS', proof: 'none', close: 'FAIL', query: 'FAIL' },
  { outcome: 'found', codes: ['SUCCESS', 'SUCCESS'], close: 'FAIL', query: 'FAIL' },
]

for (const { outcome, codes: [returnCode, resultCode, errCode], tradeState, proof = 'signature', close, query } of results) {
  const result = { returnCode, returnMsg: 'OK', resultCode, errCode, tradeState, outcome, attempts: 1, proof, outTradeNo: 'A1' }
  for (const [method, want] of [['closeOrder', close], ['queryOrder', query]]) {
    test(`${method} that is ${outcome}, ${proof}, ${tradeState} has resultCode ${want}`, async () => {
      const got = await pay(cloud(result))[method]({ out_trade_no: 'A1' })
      assert.equal(got.resultCode, want)
      assert.equal(got.returnCode, returnCode)
      assert.equal(got.outcome, outcome, 'our own key is lost')
      assert.equal(got.outTradeNo, 'A1')
      if (errCode) assert.equal(got.errCode, errCode)
      if (want === 'FAIL') assert.ok(got.errCode, 'a failure without a code')
    })
  }
}

test('the caller is the user of the function', async () => {
  const sdk = cloud({ returnCode: 'SUCCESS', resultCode: 'SUCCESS', outcome: 'closed', proof: 'signature' })
  await pay(sdk).closeOrder({ subMchId: '1900000001', outTradeNo: 'A1', nonceStr: 'n' })
  assert.deepEqual(sdk.calls, [{
    name: 'closeorder',
    data: {
      sub_mch_id: '1900000001', out_trade_no: 'A1', nonce_str: 'n', at_once: 'true',
      on_behalf_of: 'wx:wx1234567890abcdef:oABC', service_token: serviceToken,
    },
  }])
})

test('a call of the service is explicit, and true only', async () => {
  const sdk = cloud({ returnCode: 'SUCCESS', outcome: 'found', proof: 'signature' }, {})
  await pay(sdk).queryOrder({ transaction_id: '42' }, { asService: true })
  assert.deepEqual(sdk.calls, [{ name: 'queryorder', data: { transaction_id: '42', service_token: serviceToken } }])
  for (const options of [undefined, {}, { asService: false }, { asService: 'true' }, { asService: 1 }]) {
    await assert.rejects(pay(sdk).queryOrder({ transaction_id: '42' }, options), CloudPayError)
  }
  assert.equal(sdk.calls.length, 1, 'a call without a user was sent')
})

test('no user, no call', async () => {
  for (const context of [undefined, {}, { OPENID: 'oABC' }, { APPID: 'wx1' }, { OPENID: '', APPID: 'wx1' }]) {
    const sdk = cloud({}, context)
    sdk.getWXContext = () => context
    await assert.rejects(pay(sdk).closeOrder({ out_trade_no: 'A1' }), /no user called/)
    assert.deepEqual(sdk.calls, [])
  }
})

test('parameters that would change the call are refused before it', async () => {
  const sdk = cloud({ returnCode: 'SUCCESS', outcome: 'closed' })
  for (const params of [
    undefined, null, 'A1', ['A1'],
    { out_trade_no: 'A1', close_at: '600' },
    { out_trade_no: 'A1', closeAt: '600' },
    { out_trade_no: 'A1', on_behalf_of: 'wx:wx1:oDEF' },
    { out_trade_no: 'A1', onBehalfOf: 'wx:wx1:oDEF' },
    { out_trade_no: 'A1', service_token: 'x' },
    { out_trade_no: 'A1', at_once: 'false' },
    { out_trade_no: 'A1', outTradeNo: 'A2' },
    { out_trade_no: 1 },
    { out_trade_no: { toString: () => 'A1' } },
    { transaction_id: '42' }, // a close goes by the merchant's own number
  ]) {
    await assert.rejects(pay(sdk).closeOrder(params), CloudPayError)
  }
  assert.deepEqual(sdk.calls, [])
})

test('what is empty is not given', async () => {
  const sdk = cloud({ returnCode: 'SUCCESS', resultCode: 'SUCCESS', outcome: 'closed' })
  await pay(sdk).closeOrder({ out_trade_no: 'A1', sub_mch_id: '', nonce_str: undefined, sub_appid: null })
  assert.deepEqual(Object.keys(sdk.calls[0].data), ['out_trade_no', 'at_once', 'on_behalf_of', 'service_token'])
})

test('a reply that is no result is an error, as with cloudPay', async () => {
  for (const result of [undefined, null, 'closed', {}, { outcome: 'closed' }, { returnCode: 'SUCCESS' }]) {
    await assert.rejects(pay(cloud(result)).closeOrder({ out_trade_no: 'A1' }), (error) => {
      assert.ok(error instanceof CloudPayError)
      assert.equal(error.errCode, -1)
      assert.match(error.errMsg, /^cloudPay\.closeOrder:fail /)
      assert.ok(!error.message.includes(serviceToken))
      return true
    })
  }
})

test('a failure of the platform is the SDK\'s', async () => {
  const sdk = cloud({})
  const down = Object.assign(new Error('callFunction:fail'), { errCode: -501000 })
  sdk.callFunction = async () => { throw down }
  await assert.rejects(pay(sdk).closeOrder({ out_trade_no: 'A1' }), down)
})

test('other functions, and no token', async () => {
  const sdk = cloud({ returnCode: 'SUCCESS', resultCode: 'SUCCESS', outcome: 'closed' })
  const named = cloudPay(sdk, { serviceToken, closeFunction: 'guan', queryFunction: 'cha' })
  await named.closeOrder({ out_trade_no: 'A1' })
  await named.queryOrder({ out_trade_no: 'A1' })
  assert.deepEqual(sdk.calls.map(({ name }) => name), ['guan', 'cha'])
  for (const options of [undefined, {}, { serviceToken: '' }, { serviceToken: 1 }]) {
    assert.throws(() => cloudPay(sdk, options), TypeError)
  }
})

test('a result keeps what it was made of', async () => {
  const result = { returnCode: 'SUCCESS', resultCode: 'SUCCESS', outcome: 'scheduled', proof: 'none' }
  const got = await pay(cloud(result)).closeOrder({ out_trade_no: 'A1' })
  assert.deepEqual(got, { ...result, resultCode: 'FAIL', errCode: 'SCHEDULED', errCodeDes: 'the order is scheduled' })
  assert.equal(result.resultCode, 'SUCCESS', 'the SDK\'s own object was changed')
})

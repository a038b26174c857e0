'use strict'

const assert = require('node:assert/strict')
const { createSign, createVerify, generateKeyPairSync } = require('node:crypto')
const test = require('node:test')
const { WeChatPay, DoubtError, RefusedError } = require('../cloudfunctions/order/wechatpay')

const pems = { publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } }
const merchant = generateKeyPairSync('rsa', { modulusLength: 2048, ...pems })
const gateway = generateKeyPairSync('rsa', { modulusLength: 2048, ...pems })

const settings = {
  appid: 'wx1234567890abcdef', mchid: '1900000001', serialNo: 'AB12', privateKey: merchant.privateKey,
  publicKeyId: 'PUB_KEY_ID_1', publicKey: gateway.publicKey, baseURL: 'https://gateway.test',
}
const order = { number: 'A1', description: 'Tea', total: 100, openid: 'oLi', notifyURL: 'https://shop.example/notify' }
const now = 1_795_912_140_000

/** signed is WeChat Pay's reply. change changes its parts after they were signed. */
function signed(status, text, change = {}, at = now) {
  const timestamp = String(at / 1000), nonce = 'n0'
  const signature = createSign('RSA-SHA256').update(`${timestamp}\n${nonce}\n${text}\n`).sign(gateway.privateKey, 'base64')
  const headers = {
    'wechatpay-timestamp': timestamp, 'wechatpay-nonce': nonce, 'wechatpay-serial': settings.publicKeyId,
    'wechatpay-signature': signature, ...change.headers,
  }
  for (const name of Object.keys(headers)) if (headers[name] === undefined) delete headers[name]
  return { status, headers, text: change.text ?? text }
}

/** before answers the calls of a test with the replies in turn, and returns what was sent. */
function before(t, ...replies) {
  const sent = []
  t.mock.method(globalThis, 'fetch', async (url, request) => {
    sent.push({ url, ...request })
    const reply = replies[Math.min(sent.length, replies.length) - 1]
    if (reply instanceof Error) throw reply
    return new Response(reply.status === 204 ? null : reply.text, { status: reply.status, headers: reply.headers })
  })
  return sent
}

const pay = () => new WeChatPay(settings, () => now)
const placed = '{"prepay_id":"wx29083000000000000000000000000001"}'

test('a placing is signed over what is sent', async (t) => {
  const sent = before(t, signed(200, placed))
  assert.equal(await pay().place(order), 'wx29083000000000000000000000000001')
  const [{ url, method, body, headers, redirect }] = sent
  assert.deepEqual([url, method, redirect], ['https://gateway.test/v3/pay/transactions/jsapi', 'POST', 'manual'])
  assert.deepEqual(JSON.parse(body), {
    appid: 'wx1234567890abcdef', mchid: '1900000001', description: 'Tea', out_trade_no: 'A1',
    notify_url: 'https://shop.example/notify', amount: { total: 100, currency: 'CNY' }, payer: { openid: 'oLi' },
  })
  const [, nonce, timestamp, signature] = headers.authorization.match(
    /^WECHATPAY2-SHA256-RSA2048 mchid="1900000001",nonce_str="([0-9a-f]{32})",timestamp="(\d+)",serial_no="AB12",signature="(.+)"$/)
  const verifier = createVerify('RSA-SHA256').update(`POST\n/v3/pay/transactions/jsapi\n${timestamp}\n${nonce}\n${body}\n`)
  assert.ok(verifier.verify(merchant.publicKey, signature, 'base64'))
  assert.equal(headers['wechatpay-serial'], 'PUB_KEY_ID_1')
})

test('paySign is over what the client is handed', () => {
  const { timeStamp, nonceStr, package: prepay, signType, paySign } = pay().payment('wx29')
  assert.deepEqual([timeStamp, prepay, signType], ['1795912140', 'prepay_id=wx29', 'RSA'])
  const verifier = createVerify('RSA-SHA256').update(`wx1234567890abcdef\n${timeStamp}\n${nonceStr}\n${prepay}\n`)
  assert.ok(verifier.verify(merchant.publicKey, paySign, 'base64'))
})

test('a reply that is not signed so proves nothing, whatever it says', async (t) => {
  const good = signed(200, placed)
  for (const [what, reply] of Object.entries({
    unsigned: signed(200, placed, { headers: { 'wechatpay-signature': undefined } }),
    'without a timestamp': signed(200, placed, { headers: { 'wechatpay-timestamp': undefined } }),
    'without a nonce': signed(200, placed, { headers: { 'wechatpay-nonce': undefined } }),
    'by another key': signed(200, placed, { headers: { 'wechatpay-serial': 'PUB_KEY_ID_2' } }),
    'a probe': signed(200, placed, { headers: { 'wechatpay-signature': 'WECHATPAY/SIGNTEST/' + good.headers['wechatpay-signature'] } }),
    'of another body': signed(200, placed, { text: placed.replace('wx29', 'wx28') }),
    'cut off': signed(200, placed, { text: placed.slice(0, 20) }),
    old: signed(200, placed, {}, now - 301_000),
    'from the future': signed(200, placed, {}, now + 301_000),
    'too long': signed(200, JSON.stringify({ prepay_id: 'x'.repeat(65 << 10) })),
    'an unsigned refusal': signed(400, '{"code":"INVALID_REQUEST"}', { headers: { 'wechatpay-signature': undefined } }),
    'a page of a proxy': { status: 502, headers: {}, text: '<html>' },
    'a redirect': { status: 302, headers: { location: 'https://elsewhere.test' }, text: '' },
    'signed, and without a prepay_id': signed(200, '{}'),
    'signed, and no object': signed(200, 'null'),
    'in doubt itself': signed(500, '{"code":"SYSTEM_ERROR","message":"again"}'),
    'nothing at all': Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNRESET' } }),
  })) {
    await t.test(what, async (t) => {
      const sent = before(t, reply)
      await assert.rejects(pay().place(order), DoubtError)
      assert.ok(sent.length <= 2)
    })
  }
})

test('every changed byte of a reply is wrong', async (t) => {
  const good = signed(200, placed)
  let reply
  t.mock.method(globalThis, 'fetch', async () => new Response(reply.text, { status: 200, headers: reply.headers }))
  for (let i = 0; i < placed.length; i++) {
    reply = { ...good, text: placed.slice(0, i) + String.fromCharCode(placed.charCodeAt(i) ^ 1) + placed.slice(i + 1) }
    await assert.rejects(pay().place(order), DoubtError, `byte ${i}`)
  }
})

test('a call in doubt is made once more, with the same order and another nonce', async (t) => {
  const sent = before(t, signed(500, '{"code":"SYSTEM_ERROR"}'), signed(200, placed))
  assert.equal(await pay().place(order), 'wx29083000000000000000000000000001')
  assert.equal(sent.length, 2)
  assert.equal(sent[0].body, sent[1].body)
  assert.notEqual(sent[0].headers.authorization, sent[1].headers.authorization)
})

test('a signed refusal is an answer, and is not repeated', async (t) => {
  const sent = before(t, signed(400, '{"code":"INVALID_REQUEST","message":"201 商户订单号重复"}'))
  await assert.rejects(pay().place(order), (error) => error instanceof RefusedError && error.code === 'INVALID_REQUEST' && error.status === 400)
  assert.equal(sent.length, 1)
})

test('keys may be PEM, or base64 of it', () => {
  const base64 = (text) => Buffer.from(text).toString('base64')
  assert.ok(new WeChatPay({ ...settings, privateKey: base64(merchant.privateKey), publicKey: base64(gateway.publicKey) }))
})

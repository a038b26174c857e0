// WeChat Pay's APIv3, as far as a shop needs it to place an order that is paid in a mini-program:
// signed requests, verified replies, and the fields that wx.requestPayment takes. It needs nothing
// but Node.js 18.
//
// A request is signed by the merchant's private key over five lines, each with a line feed
// (pay.weixin.qq.com/doc/v3/merchant/4012365336):
//
//   METHOD, PATH?QUERY, seconds since 1970, nonce, body
//
// and a reply by WeChat Pay's key over three (4013053249): timestamp, nonce and body. A reply that
// is not signed so proves nothing, whatever its status is.
'use strict'

const { createPrivateKey, createPublicKey, createSign, createVerify, randomBytes } = require('node:crypto')
const { readFileSync } = require('node:fs')

/** longest is how many bytes a reply may have. Real ones have 2 KiB. */
const longest = 64 << 10

/** wait is how long one attempt may take, in milliseconds. The function's own limit is 10 s. */
const wait = 3_000

/** tolerance is how far a reply's timestamp may be from this clock's, either way, in seconds. */
const tolerance = 300

/**
 * DoubtError says that it is not known what WeChat Pay did: no reply came, or one that proves
 * nothing. The same call again, with the same parameters, is safe.
 */
class DoubtError extends Error {}

/** RefusedError is WeChat Pay's signed refusal. code is its code, such as INVALID_REQUEST. */
class RefusedError extends Error {
  constructor(status, code, message) {
    super(`WeChat Pay answers ${status} ${code}: ${message}`)
    this.status = status
    this.code = code
  }
}

/** pem returns a key that is given as PEM, as base64 of that, or as the path of a file. */
function pem(text) {
  if (text.includes('-----BEGIN')) return text
  if (/^[A-Za-z0-9+/=\s]{200,}$/.test(text)) return Buffer.from(text, 'base64').toString()
  return readFileSync(text, 'utf8')
}

class WeChatPay {
  #key
  #publicKey

  /**
   * settings: appid, mchid, serialNo and privateKey of the merchant's certificate, publicKeyId and
   * publicKey of WeChat Pay, and baseURL. Keys are PEM, base64 of PEM, or paths. now is the clock,
   * in milliseconds since 1970.
   */
  constructor(settings, now = Date.now) {
    this.settings = settings
    this.now = now
    this.#key = createPrivateKey(pem(settings.privateKey))
    this.#publicKey = createPublicKey(pem(settings.publicKey))
  }

  /**
   * place places an order for a user of the mini-program (4012525167), and returns the prepay_id. It
   * throws a DoubtError or a RefusedError. Placing the same order again, with the same parameters,
   * gives a new prepay_id.
   *
   * The order has no time_expire: it stays open until its close is proved, and its stock stays
   * reserved for as long, so that a payment in the last second is as good as one in the first.
   */
  async place({ number, description, total, openid, notifyURL }) {
    const { appid, mchid } = this.settings
    const placed = await this.#post('/v3/pay/transactions/jsapi', {
      appid, mchid, description, out_trade_no: number, notify_url: notifyURL,
      amount: { total, currency: 'CNY' }, payer: { openid },
    })
    if (typeof placed.prepay_id !== 'string' || !placed.prepay_id) throw new DoubtError('the reply has no prepay_id')
    return placed.prepay_id
  }

  /** payment returns the fields of wx.requestPayment (4012365341). */
  payment(prepayID) {
    const { appid } = this.settings
    const timeStamp = String(Math.floor(this.now() / 1000)), nonceStr = randomBytes(16).toString('hex')
    const prepay = `prepay_id=${prepayID}`
    return { timeStamp, nonceStr, package: prepay, signType: 'RSA', paySign: this.#sign([appid, timeStamp, nonceStr, prepay]) }
  }

  /** #post makes one call, a second time if it is in doubt, and returns the reply's JSON object. */
  async #post(path, content) {
    const body = JSON.stringify(content)
    try {
      return await this.#attempt(path, body)
    } catch (error) {
      if (!(error instanceof DoubtError)) throw error
      return this.#attempt(path, body)
    }
  }

  async #attempt(path, body) {
    const { status, headers, text } = await this.#exchange(path, body)
    this.#verify(headers, text)
    const content = objectOf(text)
    if (status === 200) return content
    if (status >= 500 || status === 202) throw new DoubtError(`WeChat Pay answers ${status} ${content.code}`)
    throw new RefusedError(status, String(content.code), String(content.message))
  }

  /** #exchange sends a signed request, and returns the reply as it came. */
  async #exchange(path, body) {
    const { mchid, serialNo, publicKeyId, baseURL } = this.settings
    const timestamp = String(Math.floor(this.now() / 1000)), nonce = randomBytes(16).toString('hex')
    const signature = this.#sign(['POST', path, timestamp, nonce, body])
    try {
      const reply = await fetch(baseURL + path, {
        method: 'POST', body, redirect: 'manual', signal: AbortSignal.timeout(wait),
        headers: {
          accept: 'application/json', 'content-type': 'application/json', 'user-agent': 'cloudpay-example-shop',
          'wechatpay-serial': publicKeyId,
          authorization: `WECHATPAY2-SHA256-RSA2048 mchid="${mchid}",nonce_str="${nonce}",timestamp="${timestamp}",` +
            `serial_no="${serialNo}",signature="${signature}"`,
        },
      })
      return { status: reply.status, headers: reply.headers, text: await textOf(reply) }
    } catch (error) {
      if (error instanceof DoubtError) throw error
      throw new DoubtError(`no reply came: ${error.cause?.code ?? error.name}`)
    }
  }

  /** #verify throws a DoubtError unless a reply is WeChat Pay's, and new. */
  #verify(headers, text) {
    const timestamp = headers.get('wechatpay-timestamp') ?? '', nonce = headers.get('wechatpay-nonce') ?? ''
    if (!/^\d+$/.test(timestamp) || Math.abs(this.now() / 1000 - Number(timestamp)) > tolerance) {
      throw new DoubtError('the reply has no timestamp within five minutes')
    }
    if (headers.get('wechatpay-serial') !== this.settings.publicKeyId) throw new DoubtError('the reply is signed by another key')
    const verifier = createVerify('RSA-SHA256').update(`${timestamp}\n${nonce}\n${text}\n`)
    if (!verifier.verify(this.#publicKey, headers.get('wechatpay-signature') ?? '', 'base64')) {
      throw new DoubtError('the signature of the reply is wrong')
    }
  }

  /** #sign signs lines by the merchant's key, and returns base64. */
  #sign(lines) {
    return createSign('RSA-SHA256').update(lines.map((line) => line + '\n').join('')).sign(this.#key, 'base64')
  }
}

/** textOf reads a reply's body, of which longest bytes are read at most. */
async function textOf(reply) {
  const chunks = []
  let length = 0
  for await (const chunk of reply.body ?? []) {
    length += chunk.length
    if (length > longest) throw new DoubtError('the reply is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** objectOf returns the JSON object of a text, an empty one for any other text. */
function objectOf(text) {
  try {
    const value = JSON.parse(text)
    return value !== null && typeof value === 'object' ? value : {}
  } catch {
    return {}
  }
}

module.exports = { WeChatPay, DoubtError, RefusedError }

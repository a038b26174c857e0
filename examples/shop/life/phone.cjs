// A customer's phone: it runs the page of examples/miniprogram, with what of WeChat the page uses.
'use strict'

const path = require('node:path')

const folder = path.resolve(__dirname, '../../miniprogram')

/** wait is how long a request may take, in milliseconds. */
const wait = 60_000

/** client is WeChat's wx. answer is what the customer answers to a question. */
function client(answer) {
  return {
    request({ url, method, header, data, success, fail }) {
      fetch(url, { method, headers: header, body: JSON.stringify(data), signal: AbortSignal.timeout(wait) })
        .then(async (response) => {
          const text = await response.text()
          return { statusCode: response.status, data: text && JSON.parse(text), header: Object.fromEntries(response.headers) }
        })
        .then(success, (error) => fail({ errMsg: `request:fail ${error.message}` }))
    },
    showModal: ({ success }) => success({ confirm: answer() }),
  }
}

/** load loads a module of the page anew, so that each phone has its own. */
function load(name) {
  const file = path.join(folder, name)
  for (const loaded of Object.keys(require.cache)) {
    if (loaded.startsWith(folder)) delete require.cache[loaded]
  }
  return file
}

/**
 * Phone is the page on the phone of the user openid, before an emulator's cloud and WeChat Pay. What
 * the page logs of failures is not shown.
 */
class Phone {
  constructor({ cloud, admin, openid }) {
    load('local.js')
    Object.assign(require(path.join(folder, 'local.js')), { url: cloud, admin, openid })
    global.Page = (definition) => {
      this.page = { ...definition, data: { ...definition.data }, setData(change) { Object.assign(this.data, change) } }
    }
    require(path.join(folder, 'pages/order/order.js'))
    delete global.Page
    this.page.onLoad({})
  }

  /** tap taps a button: buy, pay, query or close. pays is whether the customer then pays. It returns what the page says. */
  async tap(button, { pays = true } = {}) {
    global.wx = client(() => pays)
    const { error } = console
    console.error = () => {}
    try {
      await this.page[button]()
    } finally {
      console.error = error
    }
    return this.page.data.words
  }

  /** number is that of the order that the page shows. */
  get number() {
    return this.page.data.outTradeNo
  }
}

module.exports = { Phone }

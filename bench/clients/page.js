// Drives the page of examples/miniprogram without WeChat: argv[2] is its folder, argv[3] the order number, argv[4] the
// taps in turn ("query", "close"). It prints what the page then says, a line each.
//
// Of WeChat there are only the three functions that the page uses: Page, its setData, and wx.request, here over fetch.
const path = require('path')

const [folder, outTradeNo, taps] = process.argv.slice(2)
const local = require(path.resolve(folder, 'local.js'))
Object.assign(local, { url: process.env.CLOUD_URL, openid: process.env.OPENID })

global.wx = {
  request({ url, method, header, data, success, fail }) {
    fetch(url, { method, headers: header, body: JSON.stringify(data) })
      .then(async (response) =>
        success({ statusCode: response.status, data: await response.json(), header: Object.fromEntries(response.headers) }))
      .catch((error) => fail({ errMsg: `request:fail ${error.message}` }))
  },
}

let page
global.Page = (definition) => {
  page = Object.create(definition, { data: { value: { ...definition.data }, writable: true } })
  page.setData = (change) => Object.assign(page.data, change)
}
require(path.resolve(folder, 'pages/order/order.js'))

async function main() {
  page.onLoad({ outTradeNo })
  for (const tap of taps.split(',')) {
    await page[tap]()
    console.log(page.data.words)
  }
}

main()

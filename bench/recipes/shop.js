// What the recipes for Node.js share: a merchant's server that sells as many orders as argv[3] says,
// before the emulator that argv[2] describes. sdk has the calls of one SDK.
const fs = require('node:fs')
const http = require('node:http')

const emulator = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))

/** read reads a key of the merchant's by its name in emulator.json. */
const read = (name) => fs.readFileSync(emulator.merchant[name])

/** wanted fails unless an order is in a state. */
function wanted(number, got, want) {
  if (got !== want) {
    throw new Error(`${number}: got ${got}, want ${want}`)
  }
}

/** listen serves the notifications: sdk.notified verifies one, and returns the number of the order
 * that was paid, or nothing for a refund. */
function listen(sdk, paid) {
  const server = http.createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) {
      chunks.push(chunk)
    }
    try {
      const { number, reply = '' } = await sdk.notified(request.headers, Buffer.concat(chunks).toString())
      response.writeHead(200).end(reply)
      if (number) {
        paid(number)
      }
    } catch (error) {
      response.writeHead(401).end(String(error)) // WeChat Pay comes again
    }
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

/** pay is the customer's part, by the emulator's management API. */
async function pay(number) {
  const response = await fetch(`${emulator.admin_url}/orders/${number}/pay`, { method: 'POST' })
  if (!response.ok) {
    throw new Error(`paying ${number}: ${response.status} ${await response.text()}`)
  }
}

async function sell(prefix, sdk) {
  const waiting = new Map() // by number: what goes on when it is notified
  const server = await listen(sdk, (number) => waiting.get(number)?.())
  const notifyURL = `http://127.0.0.1:${server.address().port}/notify`
  const count = Number(process.argv[3])
  const start = Date.now().toString(36)
  for (let i = 0; i < count; i++) {
    const number = `${prefix}${start}-${i}`
    const notified = new Promise((resolve) => waiting.set(number, resolve))
    await sdk.place(number, notifyURL)
    await pay(number)
    await notified
    wanted(number, await sdk.query(number), 'SUCCESS')
    await sdk.refund(number, `R${number}`)
    wanted(number, await sdk.query(number), 'REFUND')

    await sdk.place(`${number}x`, notifyURL)
    await sdk.close(`${number}x`)
    wanted(`${number}x`, await sdk.query(`${number}x`), 'CLOSED')
  }
  console.log(`${count} orders placed, paid, notified, queried and refunded; ${count} placed and closed`)
  process.exit(0) // the SDKs keep connections open
}

module.exports = {
  emulator,
  read,
  run(prefix, sdk) {
    sell(prefix, sdk).catch((error) => {
      console.error(error)
      process.exit(1)
    })
  },
}

// What the recipes for Node.js share: a merchant's server that sells as many orders as argv[3] says
// by one SDK, before the emulated WeChat Pay that the file argv[2], emulator.json, describes.
const fs = require('node:fs')
const http = require('node:http')

const emulator = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))

/** read reads a key by its name in emulator.json. */
const read = (name) => fs.readFileSync(emulator.merchant[name])

/** wanted fails unless an order is in a state. */
function wanted(number, got, want) {
  if (got !== want) {
    throw new Error(`${number}: got ${got}, want ${want}`)
  }
}

/**
 * listen serves the notifications. sdk.notified verifies one, and returns the number of the order
 * that was paid, which is passed to paid; none for a refund.
 */
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
      console.error('a notification is refused:', error)
      response.writeHead(401).end(String(error)) // WeChat Pay repeats it
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

/** longest ends a wait for a notification that does not come, and bounds nothing else. */
const longest = 60_000

/** never fails with a message after the longest wait. */
function never(message) {
  return new Promise((_, reject) => setTimeout(() => reject(new Error(message)), longest).unref())
}

/** sell sells the orders, each of them with a second one that is closed. */
async function sell(prefix, sdk) {
  const waiting = new Map() // by number: what the order's notification resolves
  const server = await listen(sdk, (number) => waiting.get(number)?.())
  const notifyURL = `http://127.0.0.1:${server.address().port}/notify`
  const count = Number(process.argv[3])
  const start = Date.now().toString(36)
  for (let i = 0; i < count; i++) {
    const number = `${prefix}${start}-${i}`
    const notified = new Promise((resolve) => waiting.set(number, resolve))
    await sdk.place(number, notifyURL)
    await pay(number)
    await Promise.race([notified, never(`${number}: no notification was accepted`)])
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

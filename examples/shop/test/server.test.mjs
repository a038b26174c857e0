import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

const key = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='
const token = 'a-token-of-the-order-function'
const program = fileURLToPath(new URL('../server/main.mjs', import.meta.url))

/** freePort resolves with a port that nothing listens on. */
const freePort = () => new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address()
    probe.close(() => resolve(port))
  })
})

/** Server is the shop's server as a process, with a journal that outlives it. */
class Server {
  static async start(t) {
    const server = new Server()
    server.folder = mkdtempSync(path.join(tmpdir(), 'cloudpay-server-'))
    server.journal = path.join(server.folder, 'shop.jsonl')
    await server.open()
    t.after(async () => {
      await server.kill()
      rmSync(server.folder, { recursive: true })
    })
    return server
  }

  async open() {
    this.port = await freePort()
    const env = { PATH: process.env.PATH, CLOUDPAY_NOTIFY_KEY: key, SHOP_TOKEN: token }
    this.child = spawn(process.execPath, [program, `127.0.0.1:${this.port}`, this.journal], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve, reject) => {
      this.child.stdout.on('data', (text) => String(text).includes('serves') && resolve())
      this.child.on('exit', () => reject(new Error('it does not start')))
    })
  }

  async kill(signal = 'SIGKILL') {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const gone = new Promise((resolve) => this.child.on('exit', resolve))
    this.child.kill(signal)
    await gone
  }

  ask(path, { body, authorization = `Bearer ${token}`, headers } = {}) {
    return fetch(`http://127.0.0.1:${this.port}${path}`, {
      method: body === undefined ? 'GET' : 'POST', body, headers: { authorization, ...headers },
    })
  }

  reserve(number, more) {
    return this.ask('/reservations', { body: JSON.stringify({ number, sku: 'tea', quantity: 1, total: 100, ...more }) })
  }

  /** send delivers an event, and returns the status. */
  async send(id, event, { body = JSON.stringify({ region: 'cn', mchId: '1', ...event }), at = Date.now(), sent = body } = {}) {
    const timestamp = String(Math.floor(at / 1000))
    const mac = createHmac('sha256', Buffer.from(key.slice(6), 'base64')).update(`${id}.${timestamp}.${body}`).digest('base64')
    const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` }
    return (await this.ask('/events', { body: sent, authorization: '', headers })).status
  }

  async tea() {
    return (await (await this.ask('/stock')).json()).articles.tea
  }
}

test('stock is reserved, shipped and put back over HTTP', async (t) => {
  const server = await Server.start(t)
  assert.deepEqual(await (await server.ask('/goods/tea')).json(), { title: '龙井 50 克', price: 100 })
  for (const [number, want] of [['A', 'reserved'], ['B', 'reserved'], ['C', 'soldOut']]) {
    assert.deepEqual(await (await server.reserve(number)).json(), { reservation: want })
  }
  assert.equal(await server.send('1', { kind: 'paid', outTradeNo: 'A', paidTotal: 100 }), 204)
  assert.equal(await server.send('2', { kind: 'closed', outTradeNo: 'B' }), 204)
  assert.deepEqual(await server.tea(), { free: 1, reserved: 0, shipped: 1 })
})

test('nothing is lost by kill -9, and nothing done twice', async (t) => {
  const server = await Server.start(t)
  await server.reserve('A')
  await server.kill()
  await server.open()
  assert.equal(await server.send('1', { kind: 'paid', outTradeNo: 'A', paidTotal: 100 }), 204)
  await server.kill()
  await server.open()
  assert.equal(await server.send('1', { kind: 'paid', outTradeNo: 'A', paidTotal: 100 }), 204)
  assert.deepEqual(await server.tea(), { free: 1, reserved: 0, shipped: 1 })
  assert.equal(readFileSync(server.journal, 'utf8').split('\n').length, 3)
})

test('an event that is not verified changes nothing', async (t) => {
  const server = await Server.start(t)
  await server.reserve('A')
  const closed = { kind: 'closed', outTradeNo: 'A' }
  assert.equal(await server.send('1', closed, { at: Date.now() - 301_000 }), 401)
  assert.equal(await server.send('1', closed, { sent: '{"kind":"closed","outTradeNo":"A"}' }), 401)
  assert.equal((await server.ask('/events', { body: JSON.stringify(closed) })).status, 401)
  assert.equal(await server.send('1', closed, { body: 'null' }), 400)
  assert.equal(await server.send('1', closed, { body: '{' }), 400)
  assert.equal(await server.send('1', closed, { body: JSON.stringify({ text: 'x'.repeat(64 << 10) }) }), 413)
  assert.deepEqual(await server.tea(), { free: 1, reserved: 1, shipped: 0 })
})

test('all but events needs the token', async (t) => {
  const server = await Server.start(t)
  for (const authorization of ['', 'Bearer', 'Bearer wrong', `bearer ${token}`, token]) {
    for (const [path, body] of [['/stock'], ['/goods/tea'], ['/reservations', '{}'], ['/none']]) {
      assert.equal((await server.ask(path, { body, authorization })).status, 401, `${path} ${authorization}`)
    }
  }
  assert.equal((await server.ask('/none')).status, 404)
  assert.equal((await server.ask('/goods/none')).status, 404)
  assert.equal((await server.ask('/stock', { body: '{}' })).status, 404)
})

test('a reservation has the price of the shop', async (t) => {
  const server = await Server.start(t)
  for (const wrong of [
    { total: 1 }, { total: '100' }, { quantity: 2 }, { quantity: 0, total: 0 }, { quantity: -1, total: -100 }, { sku: 'none' },
    { sku: 'constructor' }, { number: 7 }, { number: '' },
  ]) {
    assert.equal((await server.reserve('A', wrong)).status, 400, JSON.stringify(wrong))
  }
  assert.equal((await server.reserve('A')).status, 200)
  assert.equal((await server.reserve('A', { quantity: 2, total: 200 })).status, 409)
  assert.deepEqual(await server.tea(), { free: 1, reserved: 1, shipped: 0 })
})

test('what hangs up half-way does no harm', async (t) => {
  const server = await Server.start(t)
  for (const text of ['', 'POST /events HTTP/1.1\r\nhost: shop\r\ncontent-length: 100\r\n\r\n{"kind"', 'nonsense\r\n\r\n']) {
    await new Promise((resolve) => {
      const socket = connect(server.port, '127.0.0.1', () => socket.end(text))
      socket.on('close', resolve).on('error', () => {}).resume()
    })
  }
  assert.deepEqual(await server.tea(), { free: 2, reserved: 0, shipped: 0 })
})

test('it ends by SIGTERM', async (t) => {
  const server = await Server.start(t)
  await server.tea()
  await server.kill('SIGTERM')
  assert.equal(server.child.exitCode, 0)
})

test('it does not start with what can be guessed', async () => {
  for (const [name, env] of [
    ['SHOP_TOKEN', { CLOUDPAY_NOTIFY_KEY: key, SHOP_TOKEN: 'short' }], ['CLOUDPAY_NOTIFY_KEY', { CLOUDPAY_NOTIFY_KEY: 'whsec_', SHOP_TOKEN: token }],
    ['CLOUDPAY_NOTIFY_KEY', { SHOP_TOKEN: token }],
  ]) {
    const child = spawn(process.execPath, [program, '127.0.0.1:0', path.join(tmpdir(), 'never.jsonl')], { env: { PATH: process.env.PATH, ...env } })
    let fault = ''
    child.stderr.on('data', (text) => { fault += text })
    assert.equal(await new Promise((resolve) => child.on('close', resolve)), 1)
    assert.ok(fault.startsWith(name), fault)
  }
})

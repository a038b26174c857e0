// The shop's world on this machine: `cloudpay emulate` with the functions of cloudbaserc.json, and
// the shop's server. It needs Node.js, and a folder with the command and the functions, with SQLite.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const shop = fileURLToPath(new URL('..', import.meta.url))

/** ports are how many the emulator counts from its base; the shop's server has the next one. */
const ports = 6

/** free resolves with whether nothing listens on a port. */
const free = (port) => new Promise((resolve) => {
  const probe = createServer().once('error', () => resolve(false))
  probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
})

/**
 * base returns the first of so many free ports in a row, below those that systems choose when any
 * will do. Processes that are started at the same time look in different places.
 */
async function base() {
  const lowest = 20_000, places = 1_400, width = ports + 1
  for (let place = process.pid % places; ; place = (place + 1) % places) {
    const first = lowest + place * width
    const all = await Promise.all(Array.from({ length: width }, (_, i) => free(first + i)))
    if (all.every(Boolean)) return first
  }
}

/** Process is a program that serves until it is ended. */
class Process {
  /** It is ready when it has printed a line with the text ready. */
  constructor(program, args, { env, ready }) {
    this.output = ''
    this.child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.ended = new Promise((resolve) => this.child.on('close', resolve).on('error', resolve))
    this.ready = new Promise((resolve, reject) => {
      const read = (chunk) => {
        this.output += chunk
        if (this.output.includes(ready)) resolve()
      }
      this.child.stdout.on('data', read)
      this.child.stderr.on('data', read)
      this.ended.then(() => reject(new Error(`${path.basename(program)} ended:\n${this.output}`)))
    })
    this.ready.catch(() => {}) // whoever waits for it is told
  }

  async stop(signal = 'SIGINT') {
    this.child.kill(signal)
    await this.ended
  }
}

/** World is the running world. */
export class World {
  /**
   * dir keeps everything; bin has the command and the functions; goods is a file, the server's own
   * if undefined. Both processes serve when it resolves.
   */
  static async open(dir, bin, goods) {
    const world = new World()
    mkdirSync(dir, { recursive: true })
    const first = await base()
    Object.assign(world, { dir, command: path.join(bin, 'cloudpay'), goods, address: `127.0.0.1:${first + ports}` })
    try {
      await world.#emulate(bin, first)
      await world.serve()
    } catch (error) {
      await world.close()
      throw error
    }
    return world
  }

  /** #emulate starts the emulator. What it needs of the shop is in a file that only its owner reads. */
  async #emulate(bin, first) {
    const at = (offset) => `http://127.0.0.1:${first + offset}`
    this.token = randomBytes(24).toString('hex')
    this.server = `http://${this.address}`
    const variables = path.join(this.dir, 'shop.env')
    writeFileSync(variables, `SHOP_URL=${this.server}\nSHOP_TOKEN=${this.token}\nSHOP_NOTIFY_URL=${at(3)}/tcb/cloudpay-public/paynotify\n`, { mode: 0o600 })
    this.emulator = new Process(this.command, [
      'emulate', '--dir', this.dir, '--bin', bin, '--port-base', String(first), '--functions', shop,
      '--env-file', variables, '--events-url', `${this.server}/events`, '--log', 'off',
    ], { env: process.env, ready: '/emulator.json' })
    await this.emulator.ready
    this.described = JSON.parse(readFileSync(path.join(this.dir, 'emulator.json')))
  }

  /** serve starts the shop's server. */
  async serve() {
    const env = { PATH: process.env.PATH, SHOP_TOKEN: this.token, CLOUDPAY_NOTIFY_KEY: this.described.env.CLOUDPAY_NOTIFY_KEY }
    this.shop = new Process(process.execPath, [
      path.join(shop, 'server/main.mjs'), this.address, path.join(this.dir, 'shop.jsonl'), ...(this.goods ? [this.goods] : []),
    ], { env, ready: 'the shop serves' })
    await this.shop.ready
  }

  /** faulty has something go wrong in the emulated cloud, once (docs/emulator.md). */
  faulty(functionName, action) {
    const body = JSON.stringify({ function: functionName, action, times: 1 })
    return ask(`${this.described.cloud_url}/v1/faults`, { method: 'POST', body })
  }

  /** close ends both processes, the emulator first. */
  async close() {
    await this.emulator?.stop()
    await this.shop?.stop()
  }

  /** manage makes a request to the emulated WeChat Pay's management API, and returns its answer. */
  manage(method, path, body) {
    return ask(this.described.admin_url + path, { method, body: body && JSON.stringify(body) })
  }

  /** stock is what the shop's server has. */
  stock() {
    return ask(`${this.server}/stock`, { headers: { authorization: `Bearer ${this.token}` } })
  }

  /** advance moves the emulator's clock on. Timers that became due have fired when it resolves. */
  advance(duration) {
    return this.#run('emulate', 'advance', duration, '--dir', this.dir)
  }

  /** registered is what the register has of an order. */
  async registered(number) {
    return JSON.parse(await this.#run('orders', 'show', number, '--emulator', this.dir, '--json'))
  }

  /** #run runs the command, and returns what it prints. */
  async #run(...args) {
    const child = spawn(this.command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = '', fault = ''
    child.stdout.on('data', (chunk) => { output += chunk })
    child.stderr.on('data', (chunk) => { fault += chunk })
    const code = await new Promise((resolve) => child.on('close', resolve))
    if (code !== 0) throw new Error(`cloudpay ${args.join(' ')} ends with ${code}:\n${fault}${output}`)
    return output
  }
}

async function ask(url, options) {
  const reply = await fetch(url, options)
  const text = await reply.text()
  if (!reply.ok) throw new Error(`${options.method ?? 'GET'} ${url} answers ${reply.status}: ${text}`)
  return text ? JSON.parse(text) : undefined
}

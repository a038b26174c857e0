// The platform's side inside a Node.js process (node.go): it loads the function once, then polls
// for events, one at a time, and posts what the function makes of each.
//
// It is run with `node --eval`, in the function's folder, so that no file is left anywhere. Only
// its own requests use the variables CLOUDPAY_NODE_*, which the function does not see.
'use strict'
const http = require('node:http')
const path = require('node:path')
const { createRequire } = require('node:module')
const { pathToFileURL } = require('node:url')

const api = process.env.CLOUDPAY_NODE_API
const handler = process.env.CLOUDPAY_NODE_HANDLER
delete process.env.CLOUDPAY_NODE_API
delete process.env.CLOUDPAY_NODE_HANDLER
const configured = { ...process.env }

// The connection to the platform must not keep the process from ending, nor use an agent that the
// function may have changed.
const agent = new http.Agent({ keepAlive: true, maxSockets: 2 })

// A function that waits for what never comes is ended by its time limit, and not by Node.js because
// nothing is left to do.
setInterval(() => {}, 0x7fffffff)

function request(method, target, body) {
  return new Promise((resolve, reject) => {
    const message = http.request(api + target, { method, agent, headers: { 'Content-Type': 'application/json' } }, (reply) => {
      const chunks = []
      reply.on('data', (chunk) => chunks.push(chunk))
      reply.on('error', reject)
      reply.on('end', () => resolve(Buffer.concat(chunks).toString()))
    })
    message.on('error', reject)
    message.end(body)
  })
}

// load finds the function that the handler names: index.main is main in index.js, which may be a
// CommonJS or an ES module.
async function load() {
  const dot = handler.lastIndexOf('.')
  const file = path.resolve(process.cwd(), handler.slice(0, dot))
  const name = handler.slice(dot + 1)
  const local = createRequire(path.join(process.cwd(), 'noop.js'))
  let found
  for (const extension of ['.js', '.cjs', '.mjs', '/index.js']) {
    try {
      found = local.resolve(file + extension)
      break
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  if (!found) throw new Error(`there is no ${path.basename(file)}.js, .cjs or .mjs for the handler ${handler}`)
  let module
  try {
    module = local(found)
  } catch (error) {
    if (error.code !== 'ERR_REQUIRE_ESM') throw error
    module = await import(pathToFileURL(found))
  }
  const main = module[name] ?? module.default?.[name]
  if (typeof main !== 'function') throw new Error(`${path.basename(found)} exports no function ${name}, which the handler ${handler} names`)
  return main
}

// setEnvironment gives the process the variables of one call, and takes away those of the last one,
// so that a user's identity does not outlive the call.
let lent = {}
function setEnvironment(environment) {
  for (const name of Object.keys(lent)) {
    if (name in configured) process.env[name] = configured[name]
    else delete process.env[name]
  }
  Object.assign(process.env, environment)
  lent = environment
}

// call calls the function in any of its three forms: async, with a callback, or returning a value.
function call(main, event, context) {
  return new Promise((resolve, reject) => {
    const callback = (error, result) => (error ? reject(error) : resolve(result))
    const result = main(event, context, callback)
    if (typeof result?.then === 'function') result.then(resolve, reject)
    else if (main.length < 3 || result !== undefined) resolve(result)
  })
}

function describe(error) {
  const known = error instanceof Error || (typeof error === 'object' && error !== null && 'message' in error)
  return JSON.stringify({
    errorMessage: String(known ? error.message : error),
    errorType: known ? String(error.name ?? 'Error') : typeof error,
    stackTrace: known && typeof error.stack === 'string' ? error.stack.split('\n').slice(1).map((line) => line.trim()) : [],
  })
}

async function handle(main, { id, event, context, environment, deadline }) {
  setEnvironment(environment)
  context.getRemainingTimeInMillis = () => Math.max(0, deadline - Date.now())
  context.callbackWaitsForEmptyEventLoop = true
  try {
    const result = await call(main, event, context)
    await request('POST', `/invocation/${encodeURIComponent(id)}/response`, JSON.stringify(result) ?? 'null')
  } catch (error) {
    await request('POST', `/invocation/${encodeURIComponent(id)}/error`, describe(error))
  }
}

async function serve() {
  let main
  try {
    main = await load()
  } catch (error) {
    console.error(error)
    await request('POST', '/init/error', describe(error))
    process.exit(1)
  }
  for (;;) {
    await handle(main, JSON.parse(await request('GET', '/invocation/next')))
  }
}

serve()

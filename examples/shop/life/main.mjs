// Plays the whole life of a shop's orders on the emulator (make shop), or, with --stay, leaves the
// shop's world running for a page in WeChat's developer tools.
//
//   node main.mjs --bin FOLDER [--dir FOLDER] [--stay]
//
// --bin has the command and the functions, with SQLite. --dir keeps everything; without it that is a
// temporary folder. The exit code is 1 if anything is not as it should be.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { Stories } from './stories.mjs'
import { print, say } from './text.mjs'
import { World } from './world.mjs'

const { values: { bin, dir, stay } } = parseArgs({
  options: { bin: { type: 'string' }, dir: { type: 'string' }, stay: { type: 'boolean', default: false } },
})
if (!bin) {
  console.error('usage: node main.mjs --bin FOLDER [--dir FOLDER] [--stay]')
  process.exit(2)
}

/** interrupted resolves at the first SIGINT or SIGTERM. */
const interrupted = new Promise((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve(130))
})

/** serve leaves the world running until it is interrupted. */
async function serve({ described, server }) {
  print(say('examples/miniprogram/local.js, for the page in the developer tools:', 'examples/miniprogram/local.js 的内容，供开发者工具中的页面使用：'))
  print(`  url: '${described.cloud_url}', admin: '${described.admin_url}'`)
  print(say(`the shop's server ${server}, the console ${described.console_url}`, `商户服务 ${server}，控制台 ${described.console_url}`))
  await interrupted
  return 0
}

/** play opens the world, and tells the stories in it or serves it. It returns the exit code. */
async function play(folder) {
  const world = await World.open(folder, path.resolve(bin))
  try {
    if (stay) return await serve(world)
    print(say('A shop has two tins of tea. Its customers have fifteen minutes to pay.', '商户有两罐茶，顾客有十五分钟付款。'))
    return await Promise.race([new Stories(world).tell().then((right) => (right ? 0 : 1)), interrupted])
  } finally {
    await world.close()
  }
}

const folder = dir ?? mkdtempSync(path.join(tmpdir(), 'cloudpay-shop-'))
let code = 1
try {
  code = await play(path.resolve(folder))
} catch (error) {
  console.error(error.message)
} finally {
  if (!dir) rmSync(folder, { recursive: true, force: true })
}
process.exit(code)

// Has placing fail in every way, and the customer tap again: argv[2] is the folder of the binaries,
// argv[3] that of the world. Whatever failed, each customer has one order at WeChat Pay, in the
// register and in the stock in the end. It prints a line for each trouble, and ends with 1 if
// anything is not as it should be.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { World } from '../../examples/shop/life/world.mjs'

const { Phone } = createRequire(import.meta.url)('../../examples/shop/life/phone.cjs')

const [bin, dir] = process.argv.slice(2)
const failed = '网络异常，请稍后查询订单状态'
const paid = '订单已支付'

/** place injects faults at WeChat Pay, into so many placings. */
const place = (action, times) => (world) => world.manage('POST', '/faults', { match: { op: 'place' }, action, times })

/** cloud injects a fault of the cloud into one call of a function. */
const cloud = (name, action) => (world) => world.faulty(name, action)

/** troubles are by name: what goes wrong, and whether the first tap gets through all the same. */
const troubles = {
  'a system error': [place('system-error', 1), true],
  'two system errors': [place('system-error', 2), false],
  'a proxy\'s page': [place('html-502', 1), true],
  'a lost reply': [place('drop', 1), true],
  'two lost replies': [place('drop', 2), false],
  'a reset': [place('reset', 1), true],
  'a wrong signature': [place('bad-signature', 1), true],
  'two replies without a signature': [place('unsigned', 2), false],
  'a reply that is cut off': [place('truncate', 1), true],
  'a reply that never comes': [place('hang', 1), true],
  'a lost answer of order': [cloud('order', 'lost-answer'), false],
  'a lost answer of closeorder': [cloud('closeorder', 'lost-answer'), false],
  'a failure of the cloud': [cloud('closeorder', 'server-error'), false],
  'an event that is delivered twice': [cloud('order', 'duplicate'), true],
  'a shop\'s server that is down': [(world) => world.shop.stop('SIGKILL'), false, (world) => world.serve()],
}

writeFileSync(path.join(dir, 'goods.json'), '{"tea":{"title":"Tea","price":100,"stock":100}}')
const world = await World.open(dir, bin, path.join(dir, 'goods.json'))
try {
  const { cloud_url: cloudURL, admin_url: admin } = world.described
  let sold = 0
  for (const [name, [fail, first, mend]] of Object.entries(troubles)) {
    await fail(world)
    const openid = `o${++sold}`
    const phone = new Phone({ cloud: cloudURL, admin, openid })
    const said = await phone.tap('buy')
    assert.equal(said, first ? paid : failed, name)
    await mend?.(world)
    if (!first) assert.equal(await phone.tap('buy'), paid, name)

    const orders = (await world.manage('GET', '/orders')).filter((order) => order.openid === openid)
    assert.deepEqual(orders.map(({ out_trade_no, state }) => [out_trade_no, state]), [[phone.number, 'SUCCESS']], name)
    console.log(`${name}: ${first ? 'paid at once' : 'paid at the second tap'}, one order`)
  }
  await world.advance('20m')
  const { articles: { tea }, look } = await world.stock()
  assert.deepEqual([tea, look], [{ free: 100 - sold, reserved: 0, shipped: sold }, []])
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  await world.close()
}

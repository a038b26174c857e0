// Four orders of a shop with two tins of tea. Each story tells what happened, and then compares what
// WeChat Pay, the register and the shop's stock have with what they should have.

import { createRequire } from 'node:module'
import { isDeepStrictEqual } from 'node:util'
import { fact, heading, page, print, say, step } from './text.mjs'

const { Phone } = createRequire(import.meta.url)('./phone.cjs')

/** longest bounds the wait for a notification, in milliseconds. */
const longest = 30_000

/** pause is how long the stories wait before they look again, in milliseconds. */
const pause = 20

/** Stories are told in one world. wrong has what is not as it should be. */
export class Stories {
  constructor(world) {
    this.world = world
    this.wrong = []
  }

  /** tell tells all four, and returns whether all is as it should be. */
  async tell() {
    await this.#paid()
    await this.#forgotten()
    await this.#givenUp()
    await this.#lastSecond()
    print()
    for (const fault of this.wrong) print(`✗ ${fault}`)
    if (this.wrong.length === 0) {
      print(say('Two tins are paid and shipped, and none is left. Nothing was lost, and nothing sold twice.',
        '两罐茶已付款发货，库存为零：没有丢失，也没有重复售出。'))
    }
    return this.wrong.length === 0
  }

  async #paid() {
    heading('1  Paid', '1  付款')
    step('Li buys a tin of tea, and pays.', '小李买一罐茶，并付款。')
    const li = this.#phone('oLi')
    await this.#tap(li, 'buy', '订单已支付')
    await this.#notified(li.number)
    await this.#verdict(li.number, 'SUCCESS', 'paid', { free: 1, reserved: 0, shipped: 1 })
  }

  async #forgotten() {
    heading('2  Forgotten', '2  忘记付款')
    step('Wang takes the last tin, and puts the phone away. Zhao would like it.', '小王下单买走最后一罐，却放下了手机。小赵也想买。')
    const wang = this.#phone('oWang')
    await this.#tap(wang, 'buy', '尚未付款，可以继续支付或关闭订单', { pays: false })
    await this.#tap(this.#phone('oZhao'), 'buy', '已售罄')
    step('Fifteen minutes pass: a timer closes the order, and the shop gets the event.', '十五分钟过去：定时器关单，商户收到事件。')
    await this.world.advance('15m')
    await this.#verdict(wang.number, 'CLOSED', 'closed', { free: 1, reserved: 0, shipped: 1 })
    step('Wang comes back to pay.', '小王回来付款。')
    await this.#tap(wang, 'pay', '订单已关闭')
    await this.#verdict(wang.number, 'CLOSED', 'closed', { free: 1, reserved: 0, shipped: 1 })
  }

  async #givenUp() {
    heading('3  Given up', '3  放弃')
    step('Sun orders the tin, does not pay, and closes the order.', '小孙下单后不付款，并关闭订单。')
    const sun = this.#phone('oSun')
    await this.#tap(sun, 'buy', '尚未付款，可以继续支付或关闭订单', { pays: false })
    await this.#tap(sun, 'close', '订单已关闭，可以重新下单')
    step('The next run of the timer tells the shop.', '定时器的下一次运行通知商户。')
    await this.world.advance('1m')
    await this.#tap(sun, 'query', '订单已关闭')
    await this.#verdict(sun.number, 'CLOSED', 'closed', { free: 1, reserved: 0, shipped: 1 })
  }

  async #lastSecond() {
    heading('4  Paid in the last second', '4  最后一秒付款')
    step('Zhou orders the tin, and pays while the timer is closing the order.', '小周下单，在定时器关单的同时付款。')
    const zhou = this.#phone('oZhou')
    await this.#tap(zhou, 'buy', '尚未付款，可以继续支付或关闭订单', { pays: false })
    await this.world.manage('POST', '/faults', { match: { op: 'close', out_trade_no: zhou.number }, action: 'pay', times: 1 })
    await this.world.advance('15m')
    await this.#notified(zhou.number)
    await this.#tap(zhou, 'query', '订单已支付')
    await this.#verdict(zhou.number, 'SUCCESS', 'paid', { free: 0, reserved: 0, shipped: 2 })
  }

  /** #phone is a customer's. */
  #phone(openid) {
    const { cloud_url: cloud, admin_url: admin } = this.world.described
    return new Phone({ cloud, admin, openid })
  }

  /** #tap taps a button, and tells what the page says. */
  async #tap(phone, button, want, how) {
    const said = await phone.tap(button, how)
    page(button, said)
    this.#expect(`${button} of ${phone.number || 'no order'}`, said, want)
  }

  /** #notified waits until WeChat Pay's notification of a payment is acknowledged, and tells it. */
  async #notified(number) {
    const deadline = Date.now() + longest
    for (;;) {
      const { notifications } = await this.world.manage('GET', `/notifications?order=${number}`)
      const [one] = notifications
      if (one?.state === 'acknowledged') {
        fact(`WeChat Pay → paynotify: ${one.event_type}, acknowledged`, `微信支付 → paynotify：${one.event_type}，已确认`)
        this.#expect(`notifications of ${number}`, notifications.length, 1)
        return
      }
      if (Date.now() > deadline) throw new Error(`no notification of ${number} was acknowledged`)
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }

  /**
   * #verdict ends a story: the order at WeChat Pay, in the register and in the shop's stock. Each
   * end is told once.
   */
  async #verdict(number, state, ending, want) {
    const order = await this.world.manage('GET', `/orders/${number}`)
    const registered = await this.world.registered(number)
    const { articles: { tea }, look } = await this.world.stock()
    this.#expect(`${number} at WeChat Pay`, order.state, state)
    this.#expect(`${number} in the register`, registered.ending, ending)
    this.#expect(`events of ${number}`, registered.events.map(({ kind }) => kind), [ending])
    this.#expect('tea', tea, want)
    this.#expect('events for a person', look, [])
    const { free, reserved, shipped } = tea
    print(say(
      `✓ WeChat Pay has ${order.state}, the register ${registered.ending}. Tea: ${free} free, ${reserved} reserved, ${shipped} shipped.`,
      `✓ 微信支付为 ${order.state}，登记库为 ${registered.ending}。茶：可售 ${free}，预留 ${reserved}，已发货 ${shipped}。`))
  }

  #expect(what, got, want) {
    if (!isDeepStrictEqual(got, want)) this.wrong.push(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`)
  }
}

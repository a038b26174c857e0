// What is printed of the life of orders, in the language of the terminal.

const locale = process.env.LC_ALL || process.env.LC_MESSAGES || process.env.LANG || ''

/** isChinese is so where the locale is Chinese, as for the command cloudpay. */
const isChinese = /^zh/i.test(locale)

/** say chooses between English and Chinese. */
export const say = (en, zh) => (isChinese ? zh : en)

/** print prints a line. */
export const print = (line = '') => process.stdout.write(line + '\n')

/** heading begins a story. */
export const heading = (en, zh) => print(`\n━━━ ${say(en, zh)}`)

/** step tells what happened to whom. */
export const step = (en, zh) => print(`▸ ${say(en, zh)}`)

/** fact tells what was read back from where it happened. */
export const fact = (en, zh) => print(`    ${say(en, zh)}`)

/** english is what the page says, for a reader of the English text. */
const english = {
  '订单已支付': 'paid',
  '订单已关闭': 'closed',
  '订单已关闭，可以重新下单': 'closed, you may order again',
  '尚未付款，可以继续支付或关闭订单': 'not paid yet: pay on, or close the order',
  '已售罄': 'sold out',
}

/** page tells what the page says after a button was tapped. */
export const page = (button, said) => fact(`the page (${button}): ${said} (${english[said] ?? '?'})`, `页面（${button}）：${said}`)

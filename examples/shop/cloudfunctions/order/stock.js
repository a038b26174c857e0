// Calls the shop's server, which has the stock (server/main.mjs).
'use strict'

/** wait is how long one call may take, in milliseconds. */
const wait = 2_000

/** stock returns the calls of the server at url, by its token. All of them are idempotent. */
function stock(url, token) {
  async function ask(path, body) {
    const reply = await fetch(url + path, {
      method: body ? 'POST' : 'GET', body: body && JSON.stringify(body), redirect: 'error', signal: AbortSignal.timeout(wait),
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    })
    if (reply.status === 404) return undefined
    if (!reply.ok) throw new Error(`the shop's server answers ${reply.status}`)
    return reply.json()
  }
  return {
    /** article returns an article's title and price in fen, undefined if the shop does not have it. */
    article: (sku) => ask(`/goods/${encodeURIComponent(sku)}`),
    /** reserve returns "reserved", "soldOut" or "ended". */
    reserve: async (order) => (await ask('/reservations', order)).reservation,
  }
}

module.exports = { stock }

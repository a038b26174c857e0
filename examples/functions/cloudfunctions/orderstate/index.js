// A shop's cloud function, without dependencies: it answers what it was called with, by whom, and
// what its timer says.
exports.main = async (event) => {
  if (event.Type === 'Timer') {
    return { shop: process.env.SHOP_NAME, timer: event.TriggerName, at: event.Time }
  }
  return { shop: process.env.SHOP_NAME, order: event.order, customer: process.env.WX_OPENID ?? 'none' }
}

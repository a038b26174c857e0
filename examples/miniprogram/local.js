// Local work: the addresses that `cloudpay emulate` prints as "cloud" and "admin", and the user to be. An empty url means
// the real cloud, and is what must be shipped.
module.exports = {
  url: '',
  admin: '',
  openid: 'oLocalUser',
}

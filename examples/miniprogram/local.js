// Local work: the address that `cloudpay emulate` prints as "cloud", and the user to be. An empty url means the real cloud,
// and is what must be shipped.
module.exports = {
  url: '',
  openid: 'oLocalUser',
}

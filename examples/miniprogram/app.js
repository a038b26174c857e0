const local = require('./local')

App({
  onLaunch() {
    if (!local.url) wx.cloud.init({ env: wx.cloud.DYNAMIC_CURRENT_ENV })
  },
})

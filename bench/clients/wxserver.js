// Calls the cloud with WeChat's SDK for cloud functions, as one cloud function calls another:
// argv[2] is the package, argv[3] an array of {name, data}, and what each call came to is printed,
// a line of JSON each. A name with a dot is one of the SDK's other APIs.
//
// The SDK is pointed at the emulator by variables alone: TCB_CONTEXT_CNFG and keys.
const cloud = require(process.argv[2])

cloud.init({ env: 'cloudpay-local' })

function invoke({ name, data }) {
  switch (name) {
    case 'database.get':
      return cloud.database().collection('orders').get()
    case 'openapi.getUnlimited':
      return cloud.openapi.wxacode.getUnlimited(data)
    default:
      return cloud.callFunction({ name, data })
  }
}

async function main() {
  for (const call of JSON.parse(process.argv[3])) {
    try {
      const { result } = await invoke(call)
      console.log(JSON.stringify({ result }))
    } catch ({ errCode, errMsg }) {
      console.log(JSON.stringify({ error: { code: errCode, message: errMsg } }))
    }
  }
}

main()

// Calls cloud functions with CloudBase's own SDK for Node.js, as a merchant's server does: argv[2] is an array of
// {name, data}, and what each call came to is printed, a line of JSON each.
const cloudbase = require('@cloudbase/node-sdk')

const app = cloudbase.init({
  env: 'cloudpay-local',
  secretId: 'any',
  secretKey: 'any',
  serviceUrl: `${process.env.CLOUD_URL}/admin`,
})

async function main() {
  for (const call of JSON.parse(process.argv[2])) {
    try {
      const { result } = await app.callFunction(call)
      console.log(JSON.stringify({ result }))
    } catch ({ code, message }) {
      console.log(JSON.stringify({ error: { code, message } }))
    }
  }
}

main()

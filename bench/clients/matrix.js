// Calls the cloud with one of the clients below: argv[2] is its name, argv[3] an array of {name,
// data, size}, and what each call came to is printed, a line of JSON each. size adds that many
// characters to the event.
//
// The client is pointed at the emulator and given its keys by the variables that docs/emulator.md
// lists.
const clients = {
  'node-sdk'() {
    const app = require('@cloudbase/node-sdk').init({ env: 'cloudpay-local' })
    return async (call) => (await app.callFunction(call)).result
  },
  'wx-server-sdk-2': () => wxServer('wx-server-sdk-2'),
  'wx-server-sdk-3': () => wxServer('wx-server-sdk-3'),
  'wx-server-sdk-4': () => wxServer('wx-server-sdk-4'),
  '@aws-sdk/client-lambda'() {
    const { LambdaClient, InvokeCommand } = require('@aws-sdk/client-lambda')
    const client = new LambdaClient({ maxAttempts: 1 })
    return async ({ name, data }) => {
      const { Payload, FunctionError } = await client.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(data) }))
      const answer = JSON.parse(Buffer.from(Payload).toString())
      if (FunctionError) {
        throw Object.assign(new Error(answer.errorMessage), { code: answer.errorType })
      }
      return answer
    }
  },
}

function wxServer(version) {
  const cloud = require(version)
  cloud.init({ env: 'cloudpay-local' })
  return async (call) => (await cloud.callFunction(call)).result
}

async function main() {
  const invoke = clients[process.argv[2]]()
  for (const { name, data, size = 0 } of JSON.parse(process.argv[3])) {
    try {
      const event = size > 0 ? { ...data, Text: 'x'.repeat(size) } : data
      console.log(JSON.stringify({ result: await invoke({ name, data: event }) }))
    } catch (error) {
      const code = error.errCode ?? error.code ?? error.name
      console.log(JSON.stringify({ error: { code, message: error.errMsg ?? error.message } }))
    }
  }
}

main()

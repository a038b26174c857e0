// Calls the cloud with CloudBase's SDK for web pages, in a browser: run(url, calls) makes calls of
// {name, data, size}, and resolves with what each came to. The bundler puts a version of the SDK in
// place of js-sdk. size adds that many characters to the event.
import cloudbase from 'js-sdk'

window.run = async (cloud, calls) => {
  const host = cloud.replace('http:', '')
  const app = cloudbase.init({ env: 'cloudpay-local', accessKey: 'any' })
  app.registerEndPoint(`${host}/web`, 'http') // version 2, and version 3 in its mode CLOUD_API
  app.registerEndPointWithKey?.({ key: 'GATEWAY', url: `${host}/v1`, protocol: 'http' })
  const results = []
  for (const { name, data, size = 0 } of calls) {
    try {
      const answer = await app.callFunction({ name, data: size > 0 ? { ...data, Text: 'x'.repeat(size) } : data })
      // What the cloud refuses resolves in version 3, with a code.
      results.push(answer.code ? { Code: String(answer.code) } : { Value: String(answer.result) })
    } catch (error) {
      results.push({ Code: codeOf(error) })
    }
  }
  return results
}

// codeOf is the code of an error, whose message is a JSON text in version 2, or else its message.
function codeOf(error) {
  if (error.code) {
    return String(error.code)
  }
  const inBrackets = /\[([A-Z_]+)\]/.exec(error.message)
  return inBrackets ? inBrackets[1] : error.message
}

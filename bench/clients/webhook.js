// Receives deliveries at /0, /1, … and verifies each by the library's Webhook with that key of
// argv, as a shop does.
// Prints the port.
const { createServer } = require('node:http')
const { Webhook } = require('standardwebhooks')

const verifiers = process.argv.slice(2)
  .map((key) => (key.startsWith('whsec_') ? new Webhook(key) : new Webhook(key, { format: 'raw' })))

const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  let status = 204
  try {
    verifiers[Number(request.url.slice(1))].verify(body, request.headers)
  } catch {
    status = 401
  }
  response.writeHead(status).end()
}).listen(0, '127.0.0.1', () => console.log(server.address().port))

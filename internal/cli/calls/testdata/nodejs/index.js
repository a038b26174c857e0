// A function of Node.js for the matrix: it logs what it takes a call's caller for, and by which
// trigger it came, by the rules of docs/callers.md and in the words in which cloudpay's own log it.
// The platform's word on the caller is the environment of the invocation.

const triggerOf = (event) => {
  const [record] = event.Records ?? []
  if (event.Type === 'Timer') return 'scf-timer'
  if (event.source === 'aws.events') return 'eventbridge'
  if (event.type === 'connector:tdmq') return 'tdmq'
  if (record?.CMQ) return 'cmq'
  if (record?.Ckafka) return 'ckafka'
  if (record?.eventSource === 'aws:sqs') return 'sqs'
  if (event.version === '2.0') return 'aws-http'
  if (event.resource) return 'aws-rest'
  if (event.requestContext?.serviceId) return 'api-gateway'
  if (event.requestContext?.envId) return 'tcb-http'
  if (event.httpMethod) return 'function-url'
  return 'call'
}

const headerOf = (event, name) => Object.entries(event.headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1]

const tokenOf = (event) => {
  const [record] = event.Records ?? []
  const message = record?.CMQ?.msgBody ?? record?.Ckafka?.msgBody ?? record?.body ?? event.data?.msgBody
  return headerOf(event, 'cloudpay-service-token') ?? (message ? JSON.parse(message) : event).service_token
}

const callerOf = (event, environment) => {
  const token = tokenOf(event)
  const { CLOUDPAY_SERVICE_TOKEN, CLOUDPAY_HTTP_TOKEN } = process.env
  if (token) return token === CLOUDPAY_SERVICE_TOKEN ? 'service' : 'impostor'
  if (headerOf(event, 'authorization') === `Bearer ${CLOUDPAY_HTTP_TOKEN}`) return 'http'
  if (environment.TRIGGER_SRC === 'timer') return 'timer'
  if (environment.WX_OPENID || environment.TCB_UUID) return 'user'
  return Object.keys(environment).some((name) => /^(WX|TCB)_/.test(name)) ? 'stranger' : 'nobody'
}

exports.main = async (event, context) => {
  console.log(JSON.stringify({ caller: callerOf(event, JSON.parse(context.environment)), trigger: triggerOf(event) }))
  return null
}

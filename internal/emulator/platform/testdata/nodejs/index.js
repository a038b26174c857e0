// A cloud function of Node.js for the platform's tests: the event says what it does.
console.log('loading with', process.env.GREETING)

process.env.SET_BY_THE_FUNCTION = 'kept'

exports.main = async (event, context) => {
  switch (event.Do) {
    case 'context':
      return { ...context, remaining: context.getRemainingTimeInMillis() }
    case 'environment':
      return process.env
    case 'pid':
      return process.pid
    case 'print':
      for (let i = 0; i < event.Size; i++) console.log(event.Text, i)
      return null
    case 'nothing':
      return undefined
    case 'big':
      return 'x'.repeat(event.Size)
    case 'throw':
      throw new TypeError(event.Text)
    case 'throw a text':
      throw event.Text
    case 'circle': {
      const circle = {}
      circle.circle = circle
      return circle
    }
    case 'exit':
      process.exit(event.Size)
      break
    case 'crash':
      setImmediate(() => { throw new Error('outside of the call') })
      await new Promise(() => {})
      break
    case 'sleep':
      await new Promise(() => {})
  }
  return event
}

// sync returns a value, and withCallback has a callback.
exports.sync = (event) => `hello ${event.Text}`
exports.withCallback = (event, context, callback) => {
  setImmediate(() => callback(event.Text === 'fail' ? new Error('as told') : null, [event.Text]))
}

// Verifies cloudpay's events, by Standard Webhooks (docs/events.md).

import { createHmac, timingSafeEqual } from 'node:crypto'

/** tolerance is how far an event's timestamp may be from this clock's, either way, in seconds. */
const tolerance = 300

/** secretOf returns the bytes of a key, or null for one that can be guessed: anyone could sign. */
function secretOf(key) {
  if (!key.startsWith('whsec_')) return key.length >= 16 ? Buffer.from(key) : null
  const encoded = key.slice(6), secret = Buffer.from(encoded, 'base64')
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(encoded) && encoded.length % 4 === 0
  return isBase64 && secret.length >= 24 && secret.length <= 64 ? secret : null
}

/**
 * secretsOf reads one key or two, with a space between while the key is changed. It throws if there
 * is none, or one that can be guessed. The error has no key.
 */
export function secretsOf(text = '') {
  const secrets = text.split(/\s+/).filter(Boolean).map(secretOf)
  if (secrets.length === 0 || secrets.includes(null)) {
    throw new Error('CLOUDPAY_NOTIFY_KEY must be one key or two: whsec_ and the base64 of 24 to 64 bytes, or at least 16 characters')
  }
  return secrets
}

/**
 * verify returns the event's id if body was signed with one of the secrets within five minutes of
 * now (milliseconds since 1970), and null otherwise.
 */
export function verify(secrets, headers, body, now = Date.now()) {
  const id = headers['webhook-id'], timestamp = headers['webhook-timestamp']
  const signatures = String(headers['webhook-signature']).split(' ')
  if (!id || !/^\d+$/.test(timestamp) || Math.abs(now / 1000 - Number(timestamp)) > tolerance) return null
  for (const secret of secrets) {
    const mac = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest('base64')
    const want = Buffer.from(`v1,${mac}`)
    for (const signature of signatures) {
      const given = Buffer.from(signature)
      if (given.length === want.length && timingSafeEqual(given, want)) return id
    }
  }
  return null
}

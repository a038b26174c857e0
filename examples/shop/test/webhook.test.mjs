import assert from 'node:assert/strict'
import test from 'node:test'
import { secretsOf, verify } from '../server/webhook.mjs'

// The vector of docs/events.md.
const key = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='
const body = Buffer.from('{"number":1}')
const headers = {
  'webhook-id': '0c1f4b1e-6d0f-8a52-9d3c-1f0a5b7c2e11', 'webhook-timestamp': '1700000000',
  'webhook-signature': 'v1,MrR0JooGh5H7XzvdFG+PkDVnEDTWBvEupTYsnGkYYYU=',
}
const now = 1_700_000_000_000

test('a right signature is right for five minutes', () => {
  for (const [seconds, right] of [[0, true], [300, true], [-300, true], [301, false], [-301, false]]) {
    assert.equal(verify(secretsOf(key), headers, body, now + seconds * 1000) !== null, right, `${seconds} s`)
  }
})

test('of two keys, and of several signatures, one is enough', () => {
  assert.ok(verify(secretsOf(`a-key-of-sixteen-characters ${key}`), headers, body, now))
  const both = { ...headers, 'webhook-signature': `v1a,AAAA v1,AAAA ${headers['webhook-signature']}` }
  assert.ok(verify(secretsOf(key), both, body, now))
})

test('every changed byte is wrong', () => {
  for (const name of Object.keys(headers)) {
    for (let i = 0; i < headers[name].length; i++) {
      const at = headers[name].charCodeAt(i)
      const changed = headers[name].slice(0, i) + String.fromCharCode(at ^ 1) + headers[name].slice(i + 1)
      assert.equal(verify(secretsOf(key), { ...headers, [name]: changed }, body, now), null, `${name} ${i}`)
    }
    assert.equal(verify(secretsOf(key), { ...headers, [name]: undefined }, body, now), null, name)
  }
  for (let i = 0; i < body.length; i++) {
    const changed = Buffer.from(body)
    changed[i] ^= 1
    assert.equal(verify(secretsOf(key), headers, changed, now), null, `body ${i}`)
  }
})

test('a key that can be guessed is none', () => {
  for (const weak of [undefined, '', ' ', 'whsec_', 'whsec_AAAA', 'short', `${key} short`, 'whsec_not base64!']) {
    assert.throws(() => secretsOf(weak), /CLOUDPAY_NOTIFY_KEY/)
  }
})

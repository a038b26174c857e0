import { basename } from 'node:path'

export async function main(event) {
  return basename(event.Text)
}

/** Publishes the updates of source.mjs to nchan over one connection. `node publish.mjs PORT [BATCH_MS]`: without a batch each by itself. */
import { connect } from 'node:net'
import { createSource } from './source.mjs'

const [, , port, batchMs] = process.argv
const socket = connect(Number(port), '127.0.0.1').setNoDelay(true)
socket.on('data', () => {})
const post = text =>
  socket.write(
    `POST /pub?id=all HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  )

let batch = []
const flush = () => {
  post(`[${batch.join(',')}]`)
  batch = []
}
const start = createSource((_index, _sequence, fields) => {
  if (batchMs === undefined) return post(`{${fields}`)
  if (batch.length === 0) setTimeout(flush, Number(batchMs))
  batch.push(`{${fields}`)
})
process.on('message', start)
process.on('disconnect', () => process.exit(0))
socket.on('connect', () => {
  post('"hello"')
  process.send('ready')
})

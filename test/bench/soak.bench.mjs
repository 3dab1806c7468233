import { connect } from 'node:net'
import { startOurs } from './fanout/servers.mjs'

export const title = 'readers coming and going: memory over time, and whether any is held'

const readersMax = 2000
/** How long a reader stays, at most; evenly drawn. */
const stayMs = 40_000
const lookEveryMs = 5000
/** Resident memory may grow by this much in an hour once it is warm. Shorter runs than this cannot tell. */
const slopeMax = 1
const tellingMinutes = 20

/** `--minutes N` (1). The first third is for warming up. Fails if none is let in or one is held, and in long runs if memory grows. */
export async function run({ minutes: wanted = '1', dist, quick }) {
  const minutes = quick ? 0.3 : Number(wanted)
  const server = await startOurs({ dist })
  server.go({ rate: 50 })
  let joined = 0
  let isOver = false
  const sockets = new Set()
  const seat = () => {
    if (isOver) return
    const socket = connect(server.port, '127.0.0.1')
    joined += 1
    sockets.add(socket)
    // Some stop reading for their last seconds.
    const leaving = setTimeout(() => (Math.random() < 0.5 ? socket.resetAndDestroy() : socket.end()), Math.random() * stayMs)
    const pausing = Math.random() < 0.05 ? setTimeout(() => socket.pause(), (Math.random() * stayMs) / 2) : undefined
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(leaving)
      clearTimeout(pausing)
      sockets.delete(socket)
      seat()
    })
    socket.resume()
    socket.write(`GET ${server.path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  }
  for (let at = 0; at < readersMax; at += 1) setTimeout(seat, (at / readersMax) * Math.min(5000, minutes * 10_000))

  const began = performance.now()
  const samples = []
  while (performance.now() - began < minutes * 60_000) {
    await new Promise(resolve => setTimeout(resolve, lookEveryMs))
    const { memory, counts } = await server.look()
    samples.push({
      hours: (performance.now() - began) / 3_600_000,
      rss: memory.rss / 2 ** 20,
      heap: memory.heapUsed / 2 ** 20,
      readers: counts.readers,
    })
  }
  isOver = true
  for (const socket of sockets) socket.destroy()
  await new Promise(resolve => setTimeout(resolve, 1500))
  const { counts } = await server.look()
  await server.stop()

  const warm = samples.slice(Math.floor(samples.length / 3))
  const slopes = { rss: slopeOf(warm, 'rss'), heap: slopeOf(warm, 'heap') }
  const last = samples.at(-1)
  console.log(`${joined} readers came in ${minutes} minutes, ${last.readers} at once; ${counts.readers} are still held`)
  console.log(
    `resident ${last.rss.toFixed(1)} MB, ${slopes.rss.toFixed(2)} MB an hour; heap ${last.heap.toFixed(1)} MB, ${slopes.heap.toFixed(2)} MB an hour`,
  )
  const broken = []
  if (last.readers === 0) broken.push('no reader was let in, so nothing was measured')
  if (counts.readers > 0) broken.push(`${counts.readers} readers are held that have left`)
  if (minutes >= tellingMinutes && slopes.rss >= slopeMax) broken.push(`memory grows by ${slopes.rss.toFixed(2)} MB an hour`)
  return { joined, slopes, samples, broken }
}

/** Of the line with the least squares, in units an hour. */
function slopeOf(samples, field) {
  const mean = name => samples.reduce((sum, sample) => sum + sample[name], 0) / samples.length
  const [hours, value] = [mean('hours'), mean(field)]
  const over = samples.reduce((sum, sample) => sum + (sample.hours - hours) * (sample[field] - value), 0)
  return over / samples.reduce((sum, sample) => sum + (sample.hours - hours) ** 2, 0)
}

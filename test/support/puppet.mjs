/**
 * Strings on a process of the program, for `node --import`: what no product code should offer. Orders come over the IPC channel, so they
 * work on the built program as it is.
 *
 *     { blockMs }   the event loop stands still for so long
 *     { jumpMs }    the wall clock is so much ahead from now on (or behind)
 *     { measure }   answers with memory in use and how late the event loop was since the last such order, ms
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const delay = monitorEventLoopDelay({ resolution: 10 })
const resolutionMs = 10
delay.enable()
const now = Date.now
let jumpMs = 0
Date.now = () => now() + jumpMs
const RealDate = Date
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(Date.now())
    else super(...args)
  }
}
globalThis.Date.now = () => now() + jumpMs

process.on('message', order => {
  if (order.jumpMs !== undefined) jumpMs = order.jumpMs
  if (order.blockMs !== undefined) {
    const end = performance.now() + order.blockMs
    while (performance.now() < end);
  }
  if (order.measure === undefined) return
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  process.send({ heapUsed, rss, lateP99Ms: delay.percentile(99) / 1e6 - resolutionMs, lateMaxMs: delay.max / 1e6 - resolutionMs })
  delay.reset()
})
// Listening must not keep the process alive, nor must a test that ended.
process.channel?.unref()
process.on('disconnect', () => {})

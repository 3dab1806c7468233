/**
 * What a frame costs from the socket's bytes to a tick: JSON.parse alone, the reader that knows, the quick one, and `ws` before all of them.
 * `npm run build`, then `node test/bench/decode.bench.mjs [dist]`. Processor time, the best of nine rounds, all ways alternating.
 * Recorded frames are read from ../shared/data where they are; a ticker and a mini ticker are made, of the recorded form.
 */
import { existsSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { Receiver } from 'ws'

const dist = pathToFileURL(`${process.argv[2] ?? 'dist'}/`)
const { readFrame } = await import(new URL('src/exchange/binance-message.js', dist).href)
const { readQuickly } = await import(new URL('src/exchange/quick-frame.js', dist).href)

const count = 20_000
const rounds = 9
const made = {
  ticker: n =>
    `{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":${1592593727005 + n},"s":"BTCUSDT","p":"-65.00000000","P":"-0.693","w":"9343.29777965","x":"9383.27000000","c":"9318.48000000","Q":"0.00250000","b":"9318.18000000","B":"0.32000000","a":"9318.47000000","A":"0.35414300","o":"9383.48000000","h":"9438.30000000","l":"9215.79000000","v":"48745.36667100","q":"455442476.18534620","O":1592507327001,"C":${1592593727001 + n},"F":343178738,"L":${343729077 + n},"n":550340}}`,
  miniTicker: n =>
    `{"stream":"btcusdt@miniTicker","data":{"e":"24hrMiniTicker","E":${1601628771865 + n},"s":"BTCUSDT","c":"10456.56000000","o":"10884.90000000","h":"10912.83000000","l":"10385.02000000","v":"64483.09756200","q":"685180788.34970800"}}`,
  aggTrade: n =>
    `{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":${1633998523963 + n},"s":"BTCUSDT","a":${15683430 + n},"p":"61837.63000000","q":"58.00000000","f":19862790,"l":19862790,"T":1633998523963,"m":false,"M":true}}`,
}
const sets = Object.fromEntries(
  Object.entries(made).map(([kind, make]) => [kind, Array.from({ length: count }, (_, n) => Buffer.from(make(n)))]),
)
const folder = new URL('../../../shared/data/frames/', import.meta.url)
if (existsSync(folder)) {
  const recorded = ['btcusdt', 'ethusdt'].flatMap(symbol =>
    gunzipSync(readFileSync(new URL(`${symbol}_20240808.gz`, folder)))
      .toString()
      .trim()
      .split('\n')
      .map(line => Buffer.from(line.slice(line.indexOf(' ') + 1))),
  )
  sets['trade, recorded'] = recorded.filter(frame => frame.includes('@trade"')).map(frame => Buffer.from(frame))
  sets['bookTicker, recorded'] = recorded.filter(frame => frame.includes('@bookTicker"'))
  sets['both, as they came'] = recorded.filter(frame => /@(trade|bookTicker)"/.test(frame.latin1Slice(0, 60)))
} else console.log('no recorded market data in ../shared/data: only made frames')

/** As they arrive: in pieces of 64 KiB, each frame with its header. */
function piecesOf(frames) {
  const all = Buffer.concat(
    frames.flatMap(frame => {
      const head = frame.length < 126 ? Buffer.from([0x81, frame.length]) : Buffer.from([0x81, 126, frame.length >> 8, frame.length & 255])
      return [head, frame]
    }),
  )
  return Array.from({ length: Math.ceil(all.length / 65_536) }, (_, at) => all.subarray(at * 65_536, (at + 1) * 65_536))
}

function costNs(frames, run) {
  const began = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(began)
  return ((user + system) * 1000) / frames.length
}

let kept
const each = read => frames => () => {
  for (const frame of frames) kept = read(frame)
}
const ways = {
  ws: frames => {
    const pieces = piecesOf(frames)
    return () => {
      let heard = 0
      const receiver = new Receiver({ skipUTF8Validation: true, allowSynchronousEvents: true })
      receiver.on('message', () => {
        heard += 1
      })
      for (const piece of pieces) receiver._write(piece, undefined, () => {})
      if (heard !== frames.length) throw new Error(`ws told ${heard} of ${frames.length} frames`)
    }
  },
  'JSON.parse': each(frame => JSON.parse(frame.toString())),
  knowing: each(frame => readFrame(frame.toString())),
  quick: each(frame => readQuickly(frame) ?? readFrame(frame.toString())),
}
console.log(
  `${'ns per frame'.padEnd(22)}${'bytes'.padStart(6)}${Object.keys(ways)
    .map(name => name.padStart(12))
    .join('')}  quick: frames/s   × JSON.parse`,
)
for (const [kind, frames] of Object.entries(sets)) {
  const runs = Object.entries(ways).map(([name, way]) => [name, way(frames)])
  const best = {}
  for (let round = 0; round < rounds; round += 1)
    for (const [name, run] of runs) best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, costNs(frames, run))
  const bytes = Math.round(frames.reduce((sum, frame) => sum + frame.length, 0) / frames.length)
  const figures = Object.keys(ways).map(name => best[name].toFixed(0).padStart(12))
  console.log(
    `${kind.padEnd(22)}${String(bytes).padStart(6)}${figures.join('')}${`${(1000 / best.quick).toFixed(2)} M`.padStart(17)}${(best['JSON.parse'] / best.quick).toFixed(1).padStart(15)}`,
  )
}
if (kept === undefined) throw new Error('nothing was read')

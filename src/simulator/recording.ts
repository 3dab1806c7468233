import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'

/** One recorded frame, as a slice of the file it came from. */
export interface RecordedFrame {
  /** Since the first frame of all files. */
  readonly atMs: number
  readonly stream: string
  readonly combined: Buffer
  readonly payload: Buffer
}

export interface Recording {
  /** By receive time; frames of one file stay in its order. */
  readonly frames: readonly RecordedFrame[]
  readonly streams: ReadonlySet<string>
  /** As the exchange spells them, in capitals. */
  readonly symbols: ReadonlySet<string>
  /** Receive time of the first frame, epoch ms; 0 without frames. */
  readonly startedAt: number
}

interface Line {
  readonly receivedNs: bigint
  readonly stream: string
  readonly combined: Buffer
  readonly payload: Buffer
}

const START = Buffer.from('{"stream":"')
const MIDDLE = Buffer.from('","data":')
const NEWLINE = 10
const SPACE = 32

/** Anything but a combined-stream frame (a REST snapshot, an empty line) is undefined. */
function lineOf(line: Buffer): Line | undefined {
  const space = line.indexOf(SPACE)
  const combined = line.subarray(space + 1)
  if (space < 1 || !combined.subarray(0, START.length).equals(START)) return undefined
  const nameEnd = combined.indexOf(MIDDLE)
  const receivedNs = line.toString('latin1', 0, space)
  if (nameEnd < 0 || !/^\d+$/.test(receivedNs)) return undefined
  return {
    receivedNs: BigInt(receivedNs),
    stream: combined.toString('utf8', START.length, nameEnd),
    combined,
    payload: combined.subarray(nameEnd + MIDDLE.length, -1),
  }
}

function linesOf(file: Buffer): Line[] {
  const lines: Line[] = []
  let latest = 0n
  for (let start = 0; start < file.length; ) {
    const newline = file.indexOf(NEWLINE, start)
    const end = newline < 0 ? file.length : newline
    const line = lineOf(file.subarray(start, end))
    start = end + 1
    if (!line) continue
    // A receive time that runs backwards must not change the order of the file.
    latest = line.receivedNs > latest ? line.receivedNs : latest
    lines.push({ ...line, receivedNs: latest })
  }
  return lines
}

async function contentOf(path: string): Promise<Buffer> {
  const file = await readFile(path)
  const isZipped = file[0] === 0x1f && file[1] === 0x8b
  return isZipped ? promisify(gunzip)(file).catch(() => Promise.reject(refusal(`${path} is not gzipped as it begins to be.`))) : file
}

const refusal = (message: string): Error => Object.assign(new Error(message), { code: 'ENORECORDING' })

async function framesOf(path: string): Promise<Line[]> {
  const lines = linesOf(await contentOf(path))
  if (lines.length === 0) throw refusal(`${path} holds no recorded frames, one a line: <ns since 1970> {"stream":…,"data":…}`)
  return lines
}

/**
 * Reads frames files: one line per frame, `<receive time, ns since 1970> <combined-stream frame>`, gzipped or not. Throws an error whose message
 * is a sentence for the user where a file has none.
 */
export async function readRecording(paths: readonly string[]): Promise<Recording> {
  const files = await Promise.all(paths.map(framesOf))
  const lines = files.flat().sort((a, b) => (a.receivedNs < b.receivedNs ? -1 : a.receivedNs > b.receivedNs ? 1 : 0))
  const first = lines[0]?.receivedNs ?? 0n
  const frames = lines.map(({ receivedNs, stream, combined, payload }) => ({
    atMs: Number(receivedNs - first) / 1e6,
    stream,
    combined,
    payload,
  }))
  const streams = new Set(frames.map(frame => frame.stream))
  const symbols = new Set([...streams].map(stream => stream.slice(0, stream.indexOf('@')).toUpperCase()).filter(Boolean))
  return { frames, streams, symbols, startedAt: Number(first / 1_000_000n) }
}

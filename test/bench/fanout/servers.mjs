/** Starts the servers that are compared, each pinned to the core for servers, one at a time. */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNchan, folder, hasNodePeers } from './tools.mjs'

export const serverCore = '0'
export const loadCore = '1'
const file = name => fileURLToPath(new URL(name, import.meta.url))
export const ourPath = `/v1/stream?mode=every&pairs=${Array.from({ length: 20 }, (_, index) => `P${index}/USD`).join(',')}`

let nextPort = 20_000 + (process.pid % 5000)
const children = new Set()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

const ended = child =>
  new Promise(resolve => (child.exitCode === null && child.signalCode === null ? child.once('exit', resolve) : resolve()))

function start(core, program, args, options = {}) {
  const child = spawn('taskset', ['-c', core, program, ...args], { stdio: ['ignore', 'inherit', 'inherit'], ...options })
  children.add(child)
  const stop = async (signal = 'SIGKILL') => {
    if (child.connected) child.disconnect()
    child.kill(signal)
    await ended(child)
    children.delete(child)
  }
  return { child, stop }
}

async function startNode(core, args) {
  const made = start(core, process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  await new Promise((resolve, reject) => {
    made.child.once('message', resolve)
    made.child.once('exit', code => reject(new Error(`${args.join(' ')} ended with ${code}`)))
  })
  return { ...made, say: message => made.child.send(message) }
}

async function listens(port) {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      await fetch(`http://127.0.0.1:${port}/nope`)
      return
    } catch {
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  throw new Error(`nothing listens on ${port}`)
}

export async function startOurs({ batchMs, dist = 'dist' } = {}) {
  const port = nextPort++
  const args = ['--expose-gc', file('ours.mjs'), dist, String(port), ...(batchMs === undefined ? [] : [String(batchMs)])]
  const { child, say, stop } = await startNode(serverCore, args)
  const look = () =>
    new Promise(resolve => {
      child.once('message', resolve)
      say({ kind: 'look' })
    })
  return { port, pids: [child.pid], path: ourPath, go: load => say({ kind: 'go', ...load }), look, stop }
}

export async function startBound({ program, windowMs = -1 }) {
  const port = nextPort++
  const { child, stop } = start(serverCore, program, [String(port), '20', String(windowMs)])
  await listens(port)
  const go = ({ rate, factor = 1, step = 2 }) => void fetch(`http://127.0.0.1:${port}/go?r=${rate}&f=${factor}&s=${step}`)
  return { port, pids: [child.pid], path: '/sse', go, stop }
}

export async function startPeer(kind) {
  const port = nextPort++
  const { child, say, stop } = await startNode(serverCore, [file('peer.mjs'), kind, folder, String(port)])
  return { port, pids: [child.pid], path: '/sse', go: say, stop }
}

const nginxConfiguration = ({ home, module, port }) => `
load_module ${module};
daemon off;
worker_processes 1;
pid ${home}/nginx.pid;
error_log ${home}/error.log error;
events { worker_connections 19500; multi_accept on; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  nchan_max_reserved_memory 512M;
  client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy; fastcgi_temp_path ${home}/fastcgi; uwsgi_temp_path ${home}/uwsgi; scgi_temp_path ${home}/scgi;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /pub { nchan_publisher http; nchan_channel_id $arg_id; nchan_message_buffer_length 1; nchan_message_timeout 60s; }
    location = /sse { nchan_subscriber eventsource; nchan_channel_id all; nchan_subscriber_first_message newest; nchan_eventsource_ping_interval 0; }
  }
}
`

/** Its publisher is a process of its own and runs on the core of the load. */
export async function startNchan({ batchMs } = {}) {
  const port = nextPort++
  const home = join(folder, `nchan-${port}`)
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'nginx.conf'), nginxConfiguration({ home, module: findNchan().module, port }))
  const { child, stop } = start(serverCore, findNchan().nginx, ['-e', `${home}/error.log`, '-c', `${home}/nginx.conf`])
  await listens(port)
  const workers = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ').map(Number)
  const publisher = await startNode(loadCore, [file('publish.mjs'), String(port), ...(batchMs === undefined ? [] : [String(batchMs)])])
  return {
    port,
    pids: workers,
    path: '/sse',
    go: publisher.say,
    stop: async () => {
      await publisher.stop()
      await stop('SIGTERM')
    },
  }
}

/** The kinds of server that can be started here, by name. */
export function kindsHere(bound) {
  return {
    bound: options => startBound({ program: bound, ...options }),
    ours: startOurs,
    ...(findNchan() !== undefined && { nchan: startNchan }),
    ...(hasNodePeers() && { 'better-sse': () => startPeer('better-sse'), 'stream-sse': () => startPeer('stream-sse') }),
  }
}
